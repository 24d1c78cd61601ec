// The command lines. CLI11 is known only here: it is slow to compile.
#include "kubelet/client/client.h"

#include <algorithm>
#include <memory>
#include <ostream>
#include <utility>

#include <CLI/CLI.hpp>

#include "kubelet/client/commands.h"
#include "kubelet/client/human_time.h"

namespace cubelet::client {
namespace {

constexpr const char* kSocket = "/run/cubelet/cubelet.sock";

// Everything that the command lines fill in.
struct Parsed {
  std::string socket = kSocket;
  PodsOptions pods;
  LogsOptions logs;
  std::string since;
  ExecOptions exec;
  PortForwardOptions forward;
  EventsOptions events;
  ExplainOptions explain;
  PlanOptions plan;
  VolumesOptions volumes;
  TopOptions top;
  std::string statusOutput;
};

// Answers the exit code.
using Command = std::function<Result<int>(AgentClient&, ClientIo&)>;

Result<int> exitCodeOf(const Result<void>& done) {
  if (!done) return fail(done.error());
  return kDone;
}

CLI::App* addCommand(CLI::App& app, std::string_view name, Parsed& parsed) {
  auto info = std::find_if(clientCommands().begin(), clientCommands().end(),
                           [name](const CommandInfo& known) { return known.name == name; });
  CLI::App* command = app.add_subcommand(std::string(name), std::string(info->summary));
  command->add_option("--socket", parsed.socket, "The agent's socket")->capture_default_str();
  return command;
}

void addNamespace(CLI::App* command, std::string& ns) {
  command->add_option("-n,--namespace", ns, "Only this namespace");
}

void addPod(CLI::App* command, std::string& pod) {
  command->add_option("POD", pod, "Name or namespace/name; its beginning will do when no other pod has it")->required();
}

void addOutput(CLI::App* command, std::string& output, const std::vector<std::string>& choices) {
  command->add_option("-o,--output", output, "Another form of output")->check(CLI::IsMember(choices));
}

void addPods(CLI::App& app, Parsed& parsed) {
  CLI::App* command = addCommand(app, "pods", parsed);
  addNamespace(command, parsed.pods.ns);
  command->add_flag("-w,--watch", parsed.pods.watch, "Go on with each change of a pod as it comes");
  addOutput(command, parsed.pods.output, {"wide", "json", "yaml"});
}

void addLogs(CLI::App& app, Parsed& parsed) {
  CLI::App* command = addCommand(app, "logs", parsed);
  addPod(command, parsed.logs.pod);
  addNamespace(command, parsed.logs.ns);
  command->add_option("-c,--container", parsed.logs.container, "Which container; default: the first");
  command->add_flag("-f,--follow", parsed.logs.follow, "Go on until the container ends");
  command->add_flag("-p,--previous", parsed.logs.previous, "The instance before the last restart");
  command->add_option("--tail", parsed.logs.tail, "Only the last lines, as many as this")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--since", parsed.since, "Only what is newer, e.g. 30s, 5m, 1h30m");
  command->add_flag("--timestamps", parsed.logs.timestamps, "The time before each line");
}

CLI::App* addStream(CLI::App& app, std::string_view name, Parsed& parsed) {
  CLI::App* command = addCommand(app, name, parsed);
  addPod(command, parsed.exec.pod);
  addNamespace(command, parsed.exec.ns);
  command->add_option("-c,--container", parsed.exec.container, "Which container; default: the first");
  command->add_flag("-i,--stdin", parsed.exec.input, "Hand on what comes on standard input");
  return command;
}

void addExec(CLI::App& app, Parsed& parsed) {
  CLI::App* command = addStream(app, "exec", parsed);
  command->add_flag("-t,--tty", parsed.exec.tty, "With a terminal");
  command->add_option("COMMAND", parsed.exec.command, "What to run, behind --")->required();
}

void addPortForward(CLI::App& app, Parsed& parsed) {
  CLI::App* command = addCommand(app, "port-forward", parsed);
  addPod(command, parsed.forward.pod);
  addNamespace(command, parsed.forward.ns);
  command->add_option("--address", parsed.forward.address, "The address to listen on")->capture_default_str();
  command->add_option("PORT", parsed.forward.ports, "[HERE:]THERE, e.g. 8080:80; :80 takes any port here")->required();
}

void addEvents(CLI::App& app, Parsed& parsed) {
  CLI::App* command = addCommand(app, "events", parsed);
  command->add_option("POD", parsed.events.pod, "Only about pods whose name (or namespace/name) begins so");
  addNamespace(command, parsed.events.ns);
  command->add_flag("-f,--follow", parsed.events.follow, "Go on with new events as they come");
  addOutput(command, parsed.events.output, {"json"});
}

void addExplain(CLI::App& app, Parsed& parsed) {
  CLI::App* command = addCommand(app, "explain", parsed);
  addPod(command, parsed.explain.pod);
  addNamespace(command, parsed.explain.ns);
}

void addPlan(CLI::App& app, Parsed& parsed) {
  CLI::App* command = addCommand(app, "plan", parsed);
  command->add_option("PATH", parsed.plan.path, "Directory or file; default: where the agent reads its manifests");
  addOutput(command, parsed.plan.output, {"json"});
}

void addVolumes(CLI::App& app, Parsed& parsed) {
  CLI::App* command = addCommand(app, "volumes", parsed);
  addOutput(command, parsed.volumes.output, {"json"});
  command->add_flag("--check", parsed.volumes.check, "Say what differs between journal, mounts and pods");
  command->add_flag("--repair", parsed.volumes.repair, "The same, and take down what belongs to no pod");
}

void addTop(CLI::App& app, Parsed& parsed) {
  CLI::App* command = addCommand(app, "top", parsed);
  addNamespace(command, parsed.top.ns);
  command->add_flag("--containers", parsed.top.containers, "A line for each container");
  command->add_option("--sort-by", parsed.top.sortBy, "What comes first: most cpu or most memory")
      ->check(CLI::IsMember({"cpu", "memory"}))
      ->capture_default_str();
  addOutput(command, parsed.top.output, {"json"});
}

Result<Command> commandFor(const std::string& name, Parsed& parsed) {
  if (name == "logs" && !parsed.since.empty()) {
    Result<Duration> since = parseDuration(parsed.since);
    if (!since) return fail(since.error().within("--since"));
    parsed.logs.since = *since;
  }
  if (name == "pods" && parsed.pods.watch && parsed.pods.output == "yaml")
    return fail(Code::kInvalid, "", "--watch prints rows or json, not yaml");
  Command command;
  if (name == "pods")
    command = [&](AgentClient& agent, ClientIo& io) { return exitCodeOf(showPods(agent, io, parsed.pods)); };
  if (name == "logs")
    command = [&](AgentClient& agent, ClientIo& io) { return exitCodeOf(showLogs(agent, io, parsed.logs)); };
  if (name == "exec")
    command = [&](AgentClient& agent, ClientIo& io) { return execInContainer(agent, io, parsed.exec); };
  if (name == "attach")
    command = [&](AgentClient& agent, ClientIo& io) { return attachToContainer(agent, io, parsed.exec); };
  if (name == "port-forward")
    command = [&](AgentClient& agent, ClientIo& io) { return exitCodeOf(forwardPorts(agent, io, parsed.forward)); };
  if (name == "events")
    command = [&](AgentClient& agent, ClientIo& io) { return exitCodeOf(showEvents(agent, io, parsed.events)); };
  if (name == "explain")
    command = [&](AgentClient& agent, ClientIo& io) { return exitCodeOf(explainPod(agent, io, parsed.explain)); };
  if (name == "plan") command = [&](AgentClient& agent, ClientIo& io) { return planDirectory(agent, io, parsed.plan); };
  if (name == "top")
    command = [&](AgentClient& agent, ClientIo& io) { return exitCodeOf(showTop(agent, io, parsed.top)); };
  if (name == "volumes")
    command = [&](AgentClient& agent, ClientIo& io) {
      const bool check = parsed.volumes.check || parsed.volumes.repair;
      return check ? checkVolumes(agent, io, parsed.volumes) : exitCodeOf(showVolumes(agent, io, parsed.volumes));
    };
  if (name == "status")
    command = [&](AgentClient& agent, ClientIo& io) { return exitCodeOf(showStatus(agent, io, parsed.statusOutput)); };
  if (name == "version") command = [](AgentClient& agent, ClientIo& io) { return exitCodeOf(showVersion(agent, io)); };
  return command;
}

ExitCode exitCodeFor(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimedOut ? kUnreachable : kFailed;
}

}  // namespace

const std::vector<CommandInfo>& clientCommands() {
  static const std::vector<CommandInfo> commands{
      {"pods", "List the pods of this node"},
      {"logs", "Print the log of a container"},
      {"exec", "Run a command in a container"},
      {"attach", "Join the streams of a container"},
      {"port-forward", "Reach ports of a pod from this node"},
      {"events", "List what happened on this node"},
      {"explain", "Say what a pod waits for, and what happened to it"},
      {"plan", "Say what a directory of manifests would change, and what is wrong with it"},
      {"top", "Show what the node, its pods and containers use"},
      {"volumes", "List the CSI volumes of this node, and on whom they wait"},
      {"status", "Sum up the agent, its runtime and its manifests"},
      {"version", "Print the versions of this command and of the agent"},
  };
  return commands;
}

bool isClientCommand(std::string_view name) {
  return std::any_of(clientCommands().begin(), clientCommands().end(),
                     [name](const CommandInfo& command) { return command.name == name; });
}

int runClient(const std::vector<std::string>& args, ClientIo io) {
  CLI::App app("Ask the agent of this node", "cubelet");
  app.require_subcommand(1);
  Parsed parsed;
  addPods(app, parsed);
  addLogs(app, parsed);
  addExec(app, parsed);
  addStream(app, "attach", parsed);
  addPortForward(app, parsed);
  addEvents(app, parsed);
  addExplain(app, parsed);
  addPlan(app, parsed);
  addVolumes(app, parsed);
  addTop(app, parsed);
  addOutput(addCommand(app, "status", parsed), parsed.statusOutput, {"json"});
  addCommand(app, "version", parsed);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, io.out, io.err) == 0 ? kDone : kUsage;
  }
  Result<Command> command = commandFor(app.get_subcommands().front()->get_name(), parsed);
  if (!command) {
    io.err << "cubelet: " << command.error().message << "\n";
    return kUsage;
  }
  AgentClient agent(parsed.socket);
  const Result<int> done = (*command)(agent, io);
  if (done) return *done;
  io.err << "cubelet: " << done.error().message << "\n";
  return exitCodeFor(done.error());
}

}  // namespace cubelet::client
