// Authenticator: who a client is (SRV-7).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/access/client_authorities.h"
#include "kubelet/access/review_cache.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/apiserver/token_bucket.h"
#include "kubelet/web/message.h"

namespace cubelet::access {

inline constexpr char kAnonymous[] = "system:anonymous";
inline constexpr char kUnauthenticated[] = "system:unauthenticated";
inline constexpr char kAuthenticated[] = "system:authenticated";

// The token of "Authorization: Bearer", or the one that a WebSocket client sends as a subprotocol; empty: none.
std::string bearerToken(const web::Request& request);

// Loop thread only.
class Authenticator {
 public:
  struct Options {
    std::string clientCaFile;  // authentication.x509.clientCAFile
    bool webhook = true;       // authentication.webhook.enabled: tokens are shown to the API server
    Duration cacheTtl{std::chrono::minutes(2)};
    bool anonymous = false;
  };
  // `client` answers null while there is no API server to ask. `clock` must outlive this object.
  Authenticator(Clock& clock, Options options, std::function<apiserver::ApiClient*()> client);

  // First the certificate, then the token; anonymous only when neither was shown. kInvalid: 401; the message is for the
  // log.
  Task<Result<web::Identity>> identify(web::RequestPtr request);

 private:
  using Answer = std::optional<web::Identity>;  // nothing: the API server does not know the token

  Task<Result<web::Identity>> byToken(std::string token);
  Task<Result<Answer>> review(std::string token);

  Clock& clock_;
  Options options_;
  std::function<apiserver::ApiClient*()> client_;
  ClientAuthorities authorities_;
  ReviewCache<Answer> cache_;
  apiserver::TokenBucket bucket_;
};

}  // namespace cubelet::access
