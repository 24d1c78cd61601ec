// Guard: nothing is served to whom it may not be (SRV-7, SRV-8).
#pragma once

#include <optional>
#include <string>

#include "kubelet/access/authenticator.h"
#include "kubelet/access/authorizer.h"
#include "kubelet/web/message.h"

namespace cubelet::access {

class Guard {
 public:
  // Both must outlive this object.
  Guard(Authenticator& authenticator, Authorizer& authorizer)
      : authenticator_(authenticator), authorizer_(authorizer) {}

  struct Admitted {
    std::optional<web::Reply> refusal;  // 401, 403, or 500 when the API server cannot be asked
    web::Identity identity;             // otherwise
  };
  Task<Admitted> admit(web::RequestPtr request);

 private:
  Authenticator& authenticator_;
  Authorizer& authorizer_;
};

}  // namespace cubelet::access
