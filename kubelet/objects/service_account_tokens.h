// ServiceAccountTokens: tokens that prove to others which pod somebody is (surface 4.9).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <tuple>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "kubelet/apiserver/api_client.h"
#include "kubelet/objects/objects.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::objects {

// How long after its issue a token of this life is due to be renewed: at 80 % of its life, after 24 hours at most, up
// to 10 s earlier (`random` is in [0, 1)) so that a node's tokens do not all come due at once.
Duration renewAfter(std::chrono::seconds life, double random);

// Keeps each token in memory until it has expired or its pod is forgotten. Times count from the moment that a token was
// asked for, on this node's clocks: a clock that differs from the server's does no harm. Loop thread only.
class ServiceAccountTokens {
 public:
  // `client` must outlive this object; `random` is uniform in [0, 1).
  ServiceAccountTokens(apiserver::ApiClient& client, std::function<double()> random)
      : client_(client), clock_(client.clock()), random_(std::move(random)) {}

  // See Objects::token(). Errors are those of the API client, kInvalid for a pod without a service account.
  Task<Result<Token>> get(core::Pod pod, std::string audience, std::chrono::seconds life);
  void forget(const std::string& podUid);
  std::size_t kept() const { return kept_.size(); }

 private:
  struct Kept {
    Token token;
    TimePoint since;
    WallTime sinceWall;
    Duration life;
    Duration renew;
  };
  // Pod UID, namespace, service account, audience, asked life.
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::int64_t>;

  Task<Result<Kept>> ask(core::Pod pod, std::string audience, std::chrono::seconds life);
  Duration age(const Kept& kept) const;
  void dropExpired();

  apiserver::ApiClient& client_;
  Clock& clock_;
  std::function<double()> random_;
  std::map<Key, Kept> kept_;
};

}  // namespace cubelet::objects
