// The commands themselves, behind the parsing of their options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "kubelet/client/agent_client.h"
#include "kubelet/client/client.h"
#include "proto/k8s/core.pb.h"

namespace cubelet::client {

namespace core = ::k8s::core::v1;

struct PodsOptions {
  std::string ns;      // empty: all
  std::string output;  // empty: table; wide, json, yaml
  bool watch = false;  // go on with each change; not with yaml
};
Result<void> showPods(AgentClient& agent, ClientIo& io, const PodsOptions& options);

struct LogsOptions {
  std::string pod;
  std::string ns;
  std::string container;
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  std::optional<std::uint64_t> tail;
  std::optional<Duration> since;
  // While a log that is followed is quiet, the agent is asked this often whether the container still runs: the net for
  // an end that the log itself does not show.
  std::chrono::milliseconds askEvery{10'000};
};
Result<void> showLogs(AgentClient& agent, ClientIo& io, const LogsOptions& options);

struct ExecOptions {
  std::string pod;
  std::string ns;
  std::string container;             // empty: the pod's default
  std::vector<std::string> command;  // of exec
  bool input = false;
  bool tty = false;  // of exec; attach takes what the container has
};
// Answers the command's exit code.
Result<int> execInContainer(AgentClient& agent, ClientIo& io, const ExecOptions& options);
Result<int> attachToContainer(AgentClient& agent, ClientIo& io, const ExecOptions& options);

struct PortForwardOptions {
  std::string pod;
  std::string ns;
  std::string address = "127.0.0.1";
  std::vector<std::string> ports;  // "8080:80"; "80" for "80:80"; ":80" takes any port here
};
// Until the runtime ends it.
Result<void> forwardPorts(AgentClient& agent, ClientIo& io, const PortForwardOptions& options);

struct EventsOptions {
  std::string pod;  // as findPod takes it, but only by name; empty: all events
  std::string ns;
  std::string output;  // empty: table; json
  bool follow = false;
};
Result<void> showEvents(AgentClient& agent, ClientIo& io, const EventsOptions& options);

struct ExplainOptions {
  std::string pod;
  std::string ns;
};
Result<void> explainPod(AgentClient& agent, ClientIo& io, const ExplainOptions& options);

struct PlanOptions {
  std::string path;    // of the manifests; empty: where the agent reads them
  std::string output;  // empty: table; json
};
// What the agent would do with these manifests. kFailed when it would not take all of them. Works without an agent.
Result<int> planDirectory(AgentClient& agent, ClientIo& io, const PlanOptions& options);

struct VolumesOptions {
  std::string output;   // empty: table; json
  bool check = false;   // what is not as it should be, instead of the volumes
  bool repair = false;  // the same, and it is put right where that can be done
};
Result<void> showVolumes(AgentClient& agent, ClientIo& io, const VolumesOptions& options);
// Answers kFailed when something is not as it should be.
Result<int> checkVolumes(AgentClient& agent, ClientIo& io, const VolumesOptions& options);

struct TopOptions {
  std::string ns;              // of the pods; empty: all
  std::string sortBy = "cpu";  // or memory
  std::string output;          // empty: table; json
  bool containers = false;
};
Result<void> showTop(AgentClient& agent, ClientIo& io, const TopOptions& options);

Result<void> showStatus(AgentClient& agent, ClientIo& io, const std::string& output);
Result<void> showVersion(AgentClient& agent, ClientIo& io);

// ---- Shared by them

// The object that the agent answers GET `target` with.
Result<nlohmann::ordered_json> fetchJson(AgentClient& agent, const std::string& target);

// Pods as the agent answers GET `target`.
Result<core::PodList> fetchPods(AgentClient& agent, const std::string& target = "/pods");
// The container that is meant; `io` is told when it had to be chosen.
std::string chooseContainer(ClientIo& io, const core::Pod& pod, const std::string& wanted);

}  // namespace cubelet::client
