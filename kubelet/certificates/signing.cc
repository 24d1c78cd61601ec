#include "kubelet/certificates/signing.h"

#include <algorithm>
#include <exception>
#include <openssl/sha.h>
#include <utility>

#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "base/task_group.h"
#include "base/wake.h"
#include "kubelet/api/base64.h"
#include "kubelet/apiserver/reflector.h"
#include "kubelet/certificates/certificate_rotation.h"

namespace cubelet::apiserver {
namespace {

namespace certificates = ::k8s::certificates::v1;

constexpr int kFirstMinorWithoutKeyEncipherment = 27;
constexpr Duration kCallTimeout = std::chrono::seconds(30);

// Base64 for names: no padding, and the two characters that a URL may hold.
std::string base64Url(std::string_view bytes) {
  std::string text = api::encodeBase64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::string conditionText(const certificates::CertificateSigningRequestCondition& condition) {
  std::string text = condition.reason();
  if (!condition.message().empty()) text += (text.empty() ? "" : ": ") + condition.message();
  return text.empty() ? "no reason was given" : text;
}

Result<std::string> unfulfilled(const char* reason, std::string_view what,
                                const certificates::CertificateSigningRequest& request,
                                const certificates::CertificateSigningRequestCondition& condition) {
  return fail(
      Code::kInvalid, reason,
      "certificate request " + request.metadata().name() + " " + std::string(what) + ": " + conditionText(condition));
}

std::unexpected<Error> gone(const std::string& name) {
  return fail(Code::kNotFound, kRequestGone, "certificate request " + name + " has been removed");
}

std::unexpected<Error> unusable(const std::string& what, const std::string& why) {
  return fail(Code::kInvalid, kUnusable, what + ": " + why);
}

// Whether the certificates that came are what was ordered.
Result<KeyPair> accept(PrivateKey key, const std::string& pem, const CertificateSubject& subject, WallTime now) {
  const std::string what = "the certificate for " + subject.commonName;
  auto pair = KeyPair::make(std::move(key), pem);
  if (!pair) return unusable(what, pair.error().message);
  if (!covers(pair->facts(), subject))
    return unusable(what, "it is for " + pair->facts().commonName + " or lacks names");
  if (isExpired(pair->facts(), now)) return unusable(what, "it has expired already");
  return pair;
}

}  // namespace

std::string_view signerOf(CertificateUse use) {
  switch (use) {
    case CertificateUse::kClient:
      return "kubernetes.io/kube-apiserver-client-kubelet";
    case CertificateUse::kServer:
      return "kubernetes.io/kubelet-serving";
  }
  return "";
}

std::vector<std::string> usagesOf(CertificateUse use, bool keyEncipherment) {
  std::vector<std::string> usages{"digital signature", use == CertificateUse::kClient ? "client auth" : "server auth"};
  if (keyEncipherment) usages.emplace_back("key encipherment");
  std::ranges::sort(usages);
  return usages;
}

bool isBefore127(std::string_view versionJson) {
  const auto version = nlohmann::json::parse(versionJson, nullptr, false);
  if (!version.is_object()) return false;
  const auto text = [&](const char* key) {
    const auto at = version.find(key);
    return at != version.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  const std::string minor = text("minor");  // "20", "20+"
  const std::string digits = minor.substr(0, minor.find_first_not_of("0123456789"));
  if (text("major") != "1" || digits.empty() || digits.size() > 4) return false;
  return std::stoi(digits) < kFirstMinorWithoutKeyEncipherment;
}

std::string requestName(const PrivateKey& key, const CertificateSubject& subject, CertificateUse use) {
  std::string all;
  // Each part in base64, with a character behind it that base64 has not: no two lists of parts look the same.
  auto add = [&](std::string_view part) { all.append(base64Url(part)).push_back('|'); };
  add(key.publicKey());
  add(signerOf(use));
  add(subject.commonName);
  for (const auto* names : {&subject.organizations, &subject.dnsNames, &subject.ipAddresses}) {
    for (const std::string& name : *names) add(name);
    all.push_back('|');
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest);
  return "node-csr-" + base64Url({reinterpret_cast<char*>(digest), sizeof digest});
}

std::optional<Result<std::string>> verdictOn(const certificates::CertificateSigningRequest& request) {
  bool approved = false;
  for (const auto& condition : request.status().conditions()) {
    if (condition.type() == "Denied") return unfulfilled(kDenied, "was denied", request, condition);
    if (condition.type() == "Failed") return unfulfilled(kFailed, "failed", request, condition);
    approved |= condition.type() == "Approved";
  }
  if (!approved || request.status().certificate().empty()) return std::nullopt;
  return request.status().certificate();
}

Task<Result<KeyPair>> CertificateSigner::obtain(PrivateKey key, Order order, Duration patience) {
  Clock& clock = client_.clock();
  const TimePoint until = clock.now() + patience;
  Result<Request> sent = co_await send(key, order);
  if (!sent) co_return fail(std::move(sent.error()));
  Result<std::string> pem = co_await waitForVerdict(std::move(*sent), until);
  if (!pem) co_return fail(std::move(pem.error()));
  co_return accept(std::move(key), *pem, order.subject, clock.wallNow());
}

Task<bool> CertificateSigner::serverIsBefore127() {
  cubelet::apiserver::Request ask;
  ask.path = "/version";
  ask.accept = kJsonType;
  ask.timeout = kCallTimeout;
  Result<Response> answer = co_await client_.call(std::move(ask));
  co_return answer&& isBefore127(answer->body);
}

Task<Result<CertificateSigner::Request>> CertificateSigner::send(PrivateKey key, Order order) {
  Result<std::string> pem = makeCertificateRequest(key, order.subject);
  if (!pem) co_return fail(std::move(pem.error()));
  bool keyEncipherment = key.isRsa();
  if (!keyEncipherment) keyEncipherment = co_await serverIsBefore127();

  Request request;
  std::string name = order.resumable ? requestName(key, order.subject, order.use) : "";
  if (order.resumable)
    request.mutable_metadata()->set_name(name);
  else
    request.mutable_metadata()->set_generatename("csr-");
  request.mutable_spec()->set_request(std::move(*pem));
  request.mutable_spec()->set_signername(std::string(signerOf(order.use)));
  for (std::string& usage : usagesOf(order.use, keyEncipherment)) request.mutable_spec()->add_usages(std::move(usage));

  CallOptions options{.timeout = kCallTimeout};
  std::string path = kCertificateSigningRequests.collection();
  Result<Request> created = co_await client_.create(std::move(path), request, options);
  if (created) co_return created;
  if (created.error().code != Code::kAlreadyExists || !order.resumable) co_return created;
  co_return co_await existing(std::move(key), std::move(order), std::move(name));
}

// The first request of the same name. Its name is a digest, so it should be ours; but whoever may create requests can
// have taken the name.
Task<Result<CertificateSigner::Request>> CertificateSigner::existing(PrivateKey key, Order order, std::string name) {
  CallOptions options{.timeout = kCallTimeout};
  std::string path = kCertificateSigningRequests.object("", name);
  Result<Request> found = co_await client_.get<Request>(std::move(path), options);
  if (!found && found.error().code == Code::kNotFound) co_return gone(name);
  if (!found) co_return found;
  const std::string what = "certificate request " + name;
  if (found->spec().signername() != signerOf(order.use)) co_return unusable(what, "it is for another signer");
  Result<RequestFacts> facts = readCertificateRequest(found->spec().request());
  if (!facts) co_return unusable(what, facts.error().message);
  if (facts->publicKey != key.publicKey()) co_return unusable(what, "it is for another key");
  co_return found;
}

Task<Result<std::string>> CertificateSigner::waitForVerdict(Request sent, TimePoint until) {
  if (auto verdict = verdictOn(sent)) co_return std::move(*verdict);
  const std::string name = sent.metadata().name();
  const std::string uid = sent.metadata().uid();

  Wake news(client_.clock());
  Reflector<Request>::Listener listener;
  listener.synced = [&news] { news.ring(); };
  listener.changed = [&news](ChangeKind, const Reflector<Request>::Ptr&, const Reflector<Request>::Ptr&) {
    news.ring();
  };
  ReflectorOptions options;
  options.resource = kCertificateSigningRequests;
  options.fieldSelector = "metadata.name=" + name;
  options.random = random_;
  Reflector<Request> reflector(loop_, client_, std::move(options), std::move(listener));

  // When our own task is cancelled the watch must be gone before this frame is.
  TaskGroup watch(loop_);
  co_await throwIfCancelled();
  const bool throwing = co_await boost::asio::this_coro::throw_if_cancelled();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  watch.spawn("watch certificate request", reflector.run());
  std::optional<Result<std::string>> verdict;
  // The first list may come from a cache that is older than our request: only what was seen can vanish.
  bool seen = false;
  std::exception_ptr cancelled;
  try {
    while (!verdict) {
      const bool rung = co_await news.waitUntil(until);
      Reflector<Request>::Ptr now = reflector.get("", name);
      const bool ours = now && now->metadata().uid() == uid;
      if (ours) verdict = verdictOn(*now);
      if (seen && !ours) verdict = gone(name);
      seen |= ours;
      if (!rung && !verdict)
        verdict = fail(Code::kTimedOut, "", "certificate request " + name + ": nobody has approved and signed it yet");
    }
  } catch (...) {
    cancelled = std::current_exception();
  }
  co_await watch.drain();
  co_await boost::asio::this_coro::throw_if_cancelled(throwing);
  if (cancelled) std::rethrow_exception(cancelled);
  co_return std::move(*verdict);
}

}  // namespace cubelet::apiserver
