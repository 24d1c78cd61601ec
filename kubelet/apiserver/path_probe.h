// PathProbe: notices that a way to the API server that swallowed everything works again.
#pragma once

#include <functional>

#include "base/clock.h"
#include "base/task.h"
#include "base/wake.h"
#include "kubelet/apiserver/reachability.h"
#include "kubelet/apiserver/transport.h"

namespace cubelet::apiserver {

// The kernel repeats what got lost at growing intervals, so a request that was begun while packets vanished may go on
// for ten seconds after they no longer do. While the server is silent, this asks for a bare connection about once a
// second; when one comes about after one that did not, all connections are closed: what hangs on them fails and is sent
// again at once. A server that takes connections and hangs is left alone. Loop thread only.
class PathProbe {
 public:
  // All must outlive this object. `random`: uniform in [0, 1).
  PathProbe(Clock& clock, Transport& transport, Reachability& reachability, std::function<double()> random);

  // Until cancelled.
  Task<void> run();
  // To be called when the server may be silent (Reachability::onLoss).
  void lost() { lost_.ring(); }

 private:
  Task<void> untilItAnswers();

  Clock& clock_;
  Transport& transport_;
  Reachability& reachability_;
  std::function<double()> random_;
  Wake lost_;
};

}  // namespace cubelet::apiserver
