// The fixture of all scenarios.
#pragma once

#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <memory>

#include "integration/harness/manifest.h"
#include "integration/harness/node.h"
#include "integration/harness/wait.h"

namespace cubelet::integration {

using namespace std::chrono_literals;

// `node` is there when the test begins, with no agent running and no pod in the runtime. Without root or containerd the
// test is skipped with the reason; where CI is set it fails instead. When a test fails, the ends of the agent's and
// containerd's logs are printed and the whole ones kept (harness/kept_logs.h).
class NodeTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  Node& node() { return *node_; }
  // Starts the agent with a pod p whose container c runs a script once and stays; answers the script's output. `change`
  // gets the pod's spec.
  std::string outputOf(const std::string& script, const std::function<void(json&)>& change);

  std::unique_ptr<Node> node_;
};

// Generous enough for a busy machine; what should be quick is asserted by the times that containers record.
inline constexpr Duration kSoon = 30s;

}  // namespace cubelet::integration
