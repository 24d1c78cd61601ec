// Authorizer: what a client may do (SRV-8).
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/access/attributes.h"
#include "kubelet/access/review_cache.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/web/message.h"

namespace cubelet::access {

// Loop thread only.
class Authorizer {
 public:
  enum class Mode {
    kWebhook,      // the API server is asked
    kAlwaysAllow,  // whoever is known may do everything
    // Webhook was configured, but there is no API server at all: only the group system:masters may, and everything.
    kMastersOnly,
  };
  struct Options {
    Mode mode = Mode::kWebhook;
    std::string nodeName;
    Duration allowedTtl{std::chrono::minutes(5)};  // authorization.webhook.cacheAuthorizedTTL
    Duration deniedTtl{std::chrono::seconds(30)};  // cacheUnauthorizedTTL
  };
  // `client` answers null while there is no API server to ask. `clock` must outlive this object.
  Authorizer(Clock& clock, Options options, std::function<apiserver::ApiClient*()> client);

  // Whether one of the subresources is allowed. An Error: the API server could not be asked, after several tries.
  Task<Result<bool>> allows(web::Identity user, Attributes attributes);

 private:
  Task<Result<bool>> allowsOne(web::Identity user, std::string verb, std::string subresource);
  Task<Result<bool>> review(web::Identity user, std::string verb, std::string subresource);
  Task<Result<bool>> ask(web::Identity user, std::string verb, std::string subresource);

  Clock& clock_;
  Options options_;
  std::function<apiserver::ApiClient*()> client_;
  ReviewCache<bool> cache_;
};

}  // namespace cubelet::access
