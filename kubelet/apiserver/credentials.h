// What a request says about who we are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/semaphore.h"
#include "base/task.h"
#include "kubelet/apiserver/kubeconfig.h"

namespace cubelet::apiserver {

struct Credential {
  std::string authorization;  // of the header; empty: none is sent
  Pem certificate;            // of the connection; with `key` or not at all
  Pem key;
  bool operator==(const Credential&) const = default;
};

// The credentials of a kubeconfig, kept fresh: a token file is read for each request, so that a rotated token counts at
// once; a credential plug-in runs when there is nothing yet, when what it gave has expired, and after a refusal. Loop
// thread only.
class Credentials {
 public:
  Credentials(Loop& loop, Clock& clock, ClientConfig config);

  // kInvalid: the token file cannot be read and never could, or the plug-in is missing or prints nonsense (somebody
  // must act). kUnavailable, kTimedOut: the plug-in failed. Calls that come while it runs share its answer.
  Task<Result<Credential>> current();

  // The server has answered 401 to `used`. True: current() may answer something else now, so try once more.
  bool refused(const Credential& used);

  // From now on the connection is made with these; without effect on what a plug-in gives.
  void setClientCertificate(Pem certificate, Pem key);

 private:
  struct Given {
    Credential credential;
    std::optional<WallTime> expires;
  };

  Result<std::string> token();
  bool usesPlugin() const;
  Task<Result<Credential>> fromPlugin();
  Task<Result<Given>> askPlugin();
  Result<std::string> execInfo() const;

  Loop& loop_;
  Clock& clock_;
  ClientConfig config_;
  std::string lastToken_;  // of the file, while it could be read
  Semaphore asking_{1};
  std::optional<Result<Given>> given_;  // by the plug-in, in its last run
  std::uint64_t runs_ = 0;
};

}  // namespace cubelet::apiserver
