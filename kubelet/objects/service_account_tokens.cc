#include "kubelet/objects/service_account_tokens.h"

#include <algorithm>

#include "base/log.h"
#include "kubelet/apiserver/resource.h"
#include "proto/k8s/authentication.pb.h"

namespace cubelet::objects {
namespace {

namespace authentication = ::k8s::authentication::v1;

constexpr Duration kRenewAtLatest = std::chrono::hours(24);
constexpr Duration kJitter = std::chrono::seconds(10);

authentication::TokenRequest requestFor(const core::Pod& pod, const std::string& audience, std::chrono::seconds life) {
  authentication::TokenRequest request;
  authentication::TokenRequestSpec& spec = *request.mutable_spec();
  if (!audience.empty()) spec.add_audiences(audience);
  spec.set_expirationseconds(life.count());
  authentication::BoundObjectReference& bound = *spec.mutable_boundobjectref();
  bound.set_kind("Pod");
  bound.set_apiversion("v1");
  bound.set_name(pod.metadata().name());
  bound.set_uid(pod.metadata().uid());
  return request;
}

std::string nameOf(const core::Pod& pod) {
  return "token of service account " + pod.metadata().namespace_() + "/" + pod.spec().serviceaccountname() +
         " for pod " + pod.metadata().name();
}

}  // namespace

Duration renewAfter(std::chrono::seconds life, double random) {
  const Duration jitter(static_cast<Duration::rep>(random * static_cast<double>(kJitter.count())));
  const Duration due = std::min<Duration>(Duration(life) * 4 / 5, kRenewAtLatest);
  return std::max(due - jitter, Duration(0));
}

Task<Result<Token>> ServiceAccountTokens::get(core::Pod pod, std::string audience, std::chrono::seconds life) {
  const k8s::meta::v1::ObjectMeta& meta = pod.metadata();
  if (pod.spec().serviceaccountname().empty())
    co_return fail(Code::kInvalid, "", "pod " + meta.namespace_() + "/" + meta.name() + " has no service account");
  const Key key(meta.uid(), meta.namespace_(), pod.spec().serviceaccountname(), audience, life.count());
  if (auto found = kept_.find(key); found != kept_.end() && age(found->second) < found->second.renew)
    co_return found->second.token;

  Result<Kept> fresh = co_await ask(pod, audience, life);
  if (fresh) {
    dropExpired();
    kept_.insert_or_assign(key, *fresh);
    co_return fresh->token;
  }
  auto found = kept_.find(key);
  if (found == kept_.end()) co_return fail(fresh.error().within("failed to fetch token"));
  if (age(found->second) >= found->second.life)
    co_return fail(fresh.error().within(nameOf(pod) + " expired and refresh failed"));
  log::warning("cannot renew a service account token, the old one is used on",
               {{"pod", meta.namespace_() + "/" + meta.name()},
                {"serviceAccount", pod.spec().serviceaccountname()},
                {"error", fresh.error().message}});
  co_return found->second.token;
}

Task<Result<ServiceAccountTokens::Kept>> ServiceAccountTokens::ask(core::Pod pod, std::string audience,
                                                                   std::chrono::seconds life) {
  Kept kept;
  kept.since = clock_.now();
  kept.sinceWall = clock_.wallNow();
  std::string path =
      apiserver::kServiceAccounts.object(pod.metadata().namespace_(), pod.spec().serviceaccountname(), "token");
  const authentication::TokenRequest request = requestFor(pod, audience, life);
  Result<authentication::TokenRequest> answer =
      co_await client_.create<authentication::TokenRequest>(std::move(path), request);
  if (!answer) co_return fail(answer.error());
  if (answer->status().token().empty())
    co_return fail(Code::kInternal, apiserver::kBadAnswer, "the server answered without a " + nameOf(pod));

  const std::int64_t given = answer->spec().expirationseconds();
  const std::chrono::seconds valid = given > 0 ? std::chrono::seconds(given) : life;
  kept.life = valid;
  kept.renew = renewAfter(valid, random_());
  kept.token.text = answer->status().token();
  kept.token.expires = WallTime(std::chrono::seconds(answer->status().expirationtimestamp().seconds()));
  kept.token.renew = kept.sinceWall + std::chrono::duration_cast<WallTime::duration>(kept.renew);
  co_return kept;
}

// The steady clock does not count while the machine sleeps, and the other one may be set back: the older age is right.
Duration ServiceAccountTokens::age(const Kept& kept) const {
  return std::max<Duration>(clock_.now() - kept.since, clock_.wallNow() - kept.sinceWall);
}

void ServiceAccountTokens::forget(const std::string& podUid) {
  std::erase_if(kept_, [&](const auto& entry) { return std::get<0>(entry.first) == podUid; });
}

// Of pods that were forgotten while their token was on its way, or that now ask for another one.
void ServiceAccountTokens::dropExpired() {
  std::erase_if(kept_, [&](const auto& entry) { return age(entry.second) >= entry.second.life; });
}

}  // namespace cubelet::objects
