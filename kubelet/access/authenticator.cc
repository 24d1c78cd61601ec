#include "kubelet/access/authenticator.h"

#include <algorithm>
#include <openssl/sha.h>
#include <utility>

#include "proto/k8s/authentication.pb.h"

namespace cubelet::access {
namespace {

using k8s::authentication::v1::TokenReview;

constexpr std::size_t kMaxTokens = 1024;
constexpr Duration kAskTime = std::chrono::seconds(10);
// Somebody who makes up tokens must not use up what the agent may ask of the API server.
constexpr double kReviewsPerSecond = 20;
constexpr int kReviewBurst = 40;
constexpr std::string_view kTokenProtocol = "base64url.bearer.authorization.k8s.io.";

// Tokens are secrets: the cache has only their digests.
std::string digest(std::string_view token) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string fromBase64Url(std::string_view text) {
  std::string out;
  unsigned bits = 0;
  int have = 0;
  for (char c : text) {
    int value = 0;
    if (c >= 'A' && c <= 'Z')
      value = c - 'A';
    else if (c >= 'a' && c <= 'z')
      value = c - 'a' + 26;
    else if (c >= '0' && c <= '9')
      value = c - '0' + 52;
    else if (c == '-')
      value = 62;
    else if (c == '_')
      value = 63;
    else
      return {};
    bits = bits << 6 | static_cast<unsigned>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out.push_back(static_cast<char>(bits >> have & 0xff));
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

web::Identity identityOf(const k8s::authentication::v1::UserInfo& user) {
  web::Identity identity;
  identity.user = user.username();
  identity.uid = user.uid();
  identity.groups = {user.groups().begin(), user.groups().end()};
  for (const auto& [name, values] : user.extra()) identity.extra[name] = {values.items().begin(), values.items().end()};
  return identity;
}

web::Identity withGroup(web::Identity identity, const char* group) {
  if (std::ranges::find(identity.groups, group) == identity.groups.end()) identity.groups.emplace_back(group);
  return identity;
}

}  // namespace

std::string bearerToken(const web::Request& request) {
  std::string_view header = trimmed(request.header("Authorization"));
  constexpr std::string_view kBearer = "bearer ";
  const bool bearer = header.size() > kBearer.size() &&
                      std::ranges::equal(header.substr(0, kBearer.size()), kBearer, [](char a, char b) {
                        return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
                      });
  if (bearer) return std::string(trimmed(header.substr(kBearer.size())));
  std::string_view protocols = request.header("Sec-WebSocket-Protocol");
  while (!protocols.empty()) {
    const std::size_t comma = protocols.find(',');
    const std::string_view one = trimmed(protocols.substr(0, comma));
    if (one.starts_with(kTokenProtocol)) return fromBase64Url(one.substr(kTokenProtocol.size()));
    protocols = comma == std::string_view::npos ? std::string_view() : protocols.substr(comma + 1);
  }
  return {};
}

Authenticator::Authenticator(Clock& clock, Options options, std::function<apiserver::ApiClient*()> client)
    : clock_(clock),
      options_(std::move(options)),
      client_(std::move(client)),
      authorities_(options_.clientCaFile),
      cache_(kMaxTokens),
      bucket_(kReviewsPerSecond, kReviewBurst) {}

Task<Result<web::Identity>> Authenticator::identify(web::RequestPtr request) {
  Result<web::Identity> found = fail(Code::kInvalid, "", "neither a client certificate nor a token");
  bool shown = false;
  if (!request->certificates.empty() && !options_.clientCaFile.empty()) {
    shown = true;
    found = authorities_.identify(request->certificates, clock_.wallNow());
    if (found) co_return withGroup(*std::move(found), kAuthenticated);
  }
  std::string token = options_.webhook ? bearerToken(*request) : std::string();
  if (!token.empty()) {
    found = co_await byToken(std::move(token));
    co_return found;
  }
  if (shown || !options_.anonymous) co_return found;
  web::Identity nobody;
  nobody.user = kAnonymous;
  nobody.groups = {kUnauthenticated};
  co_return nobody;
}

Task<Result<web::Identity>> Authenticator::byToken(std::string token) {
  const auto entry = cache_.entry(digest(token), clock_.now());
  Semaphore::Permit turn = co_await entry->asking.acquire();
  const Answer* known = entry->fresh(clock_.now());
  if (known == nullptr) {
    Result<Answer> answer = co_await review(std::move(token));
    if (!answer) co_return fail(Code::kInvalid, "", answer.error().within("show the token to the API server").message);
    entry->keep(*std::move(answer), clock_.now() + options_.cacheTtl);
    known = &*entry->value;
  }
  if (!*known) co_return fail(Code::kInvalid, "", "the API server does not know the token");
  co_return withGroup(**known, kAuthenticated);
}

Task<Result<Authenticator::Answer>> Authenticator::review(std::string token) {
  const Duration wait = bucket_.take(clock_.now());
  if (wait > Duration::zero()) co_await clock_.sleep(wait);
  apiserver::ApiClient* client = client_();
  if (client == nullptr) co_return fail(Code::kUnavailable, "", "there is no API server to ask");
  TokenReview asked;
  asked.mutable_spec()->set_token(std::move(token));
  const apiserver::CallOptions options{.timeout = kAskTime};
  Task<Result<TokenReview>> call = client->create<TokenReview>(apiserver::kTokenReviews.collection(), asked, options);
  Result<TokenReview> answer = co_await std::move(call);
  if (!answer) co_return fail(answer.error());
  if (!answer->status().authenticated()) co_return Answer();
  co_return Answer(identityOf(answer->status().user()));
}

}  // namespace cubelet::access
