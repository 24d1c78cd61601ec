#include "kubelet/access/authorizer.h"

#include <algorithm>
#include <utility>

#include "proto/k8s/authorization.pb.h"

namespace cubelet::access {
namespace {

using k8s::authorization::v1::SubjectAccessReview;

constexpr std::size_t kMaxAnswers = 4096;
constexpr Duration kAskTime = std::chrono::seconds(10);
// As upstream: five tries, 500 ms before the second one, then half as long again each time.
constexpr int kTries = 5;
constexpr Duration kFirstPause = std::chrono::milliseconds(500);

// Every part with its length before it: no two questions have one key.
std::string keyOf(const web::Identity& user, const std::string& verb, const std::string& subresource) {
  std::string key;
  auto add = [&key](const std::string& part) { key += std::to_string(part.size()) + ":" + part; };
  add(verb);
  add(subresource);
  add(user.user);
  add(user.uid);
  add(std::to_string(user.groups.size()));
  for (const std::string& group : user.groups) add(group);
  for (const auto& [name, values] : user.extra) {
    add(name);
    add(std::to_string(values.size()));
    for (const std::string& value : values) add(value);
  }
  return key;
}

}  // namespace

Authorizer::Authorizer(Clock& clock, Options options, std::function<apiserver::ApiClient*()> client)
    : clock_(clock), options_(std::move(options)), client_(std::move(client)), cache_(kMaxAnswers) {}

Task<Result<bool>> Authorizer::allows(web::Identity user, Attributes attributes) {
  if (options_.mode == Mode::kAlwaysAllow) co_return true;
  if (options_.mode == Mode::kMastersOnly)
    co_return std::ranges::find(user.groups, "system:masters") != user.groups.end();
  for (const std::string& subresource : attributes.subresources) {
    Result<bool> allowed = co_await allowsOne(user, attributes.verb, subresource);
    if (!allowed || *allowed) co_return allowed;
  }
  co_return false;
}

Task<Result<bool>> Authorizer::allowsOne(web::Identity user, std::string verb, std::string subresource) {
  const auto entry = cache_.entry(keyOf(user, verb, subresource), clock_.now());
  Semaphore::Permit turn = co_await entry->asking.acquire();
  if (const bool* known = entry->fresh(clock_.now())) co_return *known;
  Result<bool> allowed = co_await review(std::move(user), std::move(verb), std::move(subresource));
  if (allowed) entry->keep(*allowed, clock_.now() + (*allowed ? options_.allowedTtl : options_.deniedTtl));
  co_return allowed;
}

Task<Result<bool>> Authorizer::review(web::Identity user, std::string verb, std::string subresource) {
  Duration pause = kFirstPause;
  for (int tries = 1;; ++tries) {
    Result<bool> allowed = co_await ask(user, verb, subresource);
    if (allowed || !isRetryable(allowed.error().code) || tries == kTries) co_return allowed;
    co_await clock_.sleep(pause);
    pause = pause * 3 / 2;
  }
}

Task<Result<bool>> Authorizer::ask(web::Identity user, std::string verb, std::string subresource) {
  apiserver::ApiClient* client = client_();
  if (client == nullptr) co_return fail(Code::kUnavailable, "", "there is no API server to ask yet");
  SubjectAccessReview asked;
  auto& spec = *asked.mutable_spec();
  spec.set_user(user.user);
  spec.set_uid(user.uid);
  for (const std::string& group : user.groups) spec.add_groups(group);
  for (const auto& [name, values] : user.extra)
    for (const std::string& value : values) (*spec.mutable_extra())[name].add_items(value);
  auto& wanted = *spec.mutable_resourceattributes();
  wanted.set_verb(std::move(verb));
  wanted.set_version("v1");
  wanted.set_resource("nodes");
  wanted.set_subresource(std::move(subresource));
  wanted.set_name(options_.nodeName);
  const apiserver::CallOptions options{.timeout = kAskTime};
  Task<Result<SubjectAccessReview>> call =
      client->create<SubjectAccessReview>(apiserver::kSubjectAccessReviews.collection(), asked, options);
  Result<SubjectAccessReview> answer = co_await std::move(call);
  if (!answer) co_return fail(answer.error().within("ask the API server whether " + user.user + " may do that"));
  co_return answer->status().allowed();
}

}  // namespace cubelet::access
