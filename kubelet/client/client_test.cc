// The commands against a real local socket, which serves a made-up agent from another thread.
#include "kubelet/client/client.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/loop.h"
#include "kubelet/client/commands.h"
#include "kubelet/server/fake_view.h"
#include "kubelet/server/local_socket.h"

namespace cubelet::client {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Text that tells the test, on the thread that writes it, whenever more has come.
class WatchedText : public std::stringbuf {
 public:
  std::function<void(const std::string&)> onFlush;

 protected:
  int sync() override {
    if (onFlush) onFlush(str());
    return 0;
  }
};

class Client : public testing::Test {
 protected:
  Client() {
    std::string pattern = (fs::temp_directory_path() / "client-XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    options.path = directory + "/run/cubelet.sock";
    view.state.podLogsDir = directory + "/logs";
  }
  ~Client() override {
    if (thread.joinable()) {
      loop.post([this] { closing.set_value(); });
      thread.join();
    }
    fs::remove_all(directory);
  }

  void serve() {
    socket.emplace(loop, clock, view, options);
    ASSERT_TRUE(socket->open());
    thread = std::thread([this] {
      std::future<void> closed = closing.get_future();
      auto asked = [&closed] { return closed.wait_for(std::chrono::seconds(0)) == std::future_status::ready; };
      loop.runUntil(asked, std::chrono::minutes(1));
      loop.runToEnd(socket->close());
    });
  }
  // Runs `fn` on the thread of the agent and waits for it.
  void onAgent(const std::function<void()>& fn) {
    std::promise<void> done;
    loop.post([&] {
      fn();
      done.set_value();
    });
    done.get_future().wait();
  }

  int run(std::vector<std::string> args) {
    if (args.size() < 2 || args[1] != "--help") args.insert(args.begin() + 1, {"--socket", options.path});
    out.str("");
    err.str("");
    return runClient(args, io());
  }
  ClientIo io() {
    return ClientIo{.out = outStream,
                    .err = err,
                    .now = [] { return WallTime(std::chrono::seconds(1'800'000'060)); },
                    .version = "0.2.0"};
  }
  std::string text() const { return out.str(); }

  core::Pod& addRunningPod(const std::string& ns, const std::string& name) {
    core::Pod& pod = view.addPod(ns, name, "Running");
    pod.mutable_spec()->add_containers()->set_name("app");
    core::ContainerStatus& status = *pod.mutable_status()->add_containerstatuses();
    status.set_name("app");
    status.set_ready(true);
    status.mutable_state()->mutable_running()->mutable_startedat()->set_seconds(1'800'000'000);
    return pod;
  }
  std::string logPath(const std::string& pod, int attempt = 0) {
    std::string path = directory + "/logs/default_" + pod + "_uid-" + pod + "/app";
    fs::create_directories(path);
    return path + "/" + std::to_string(attempt) + ".log";
  }
  static void append(const std::string& path, std::string_view content) {
    std::ofstream(path, std::ios::app) << "2027-01-15T08:00:00.5Z stdout F " << content << "\n";
  }

  std::string directory;
  Loop loop;
  ManualClock clock{loop};
  server::FakeView view{clock};
  server::LocalSocketOptions options;
  std::optional<server::LocalSocket> socket;
  std::promise<void> closing;
  std::thread thread;
  WatchedText out;
  std::ostream outStream{&out};
  std::ostringstream err;
};

TEST_F(Client, PodsPrintsATable) {
  addRunningPod("default", "web");
  addRunningPod("shop", "db");
  serve();
  EXPECT_EQ(run({"pods"}), kDone) << err.str();
  EXPECT_EQ(text(),
            "NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE\n"
            "default     web    1/1     Running   0          <unknown>\n"
            "shop        db     1/1     Running   0          <unknown>\n");
  EXPECT_EQ(run({"pods", "-n", "shop"}), kDone);
  EXPECT_THAT(text(), Not(HasSubstr("web")));
  EXPECT_EQ(run({"pods", "-o", "wide"}), kDone);
  EXPECT_THAT(text(), HasSubstr("IP"));
}

TEST_F(Client, PodsPrintsJsonAndYaml) {
  addRunningPod("default", "web");
  serve();
  EXPECT_EQ(run({"pods", "-o", "json"}), kDone) << err.str();
  auto list = nlohmann::json::parse(text());
  EXPECT_EQ(list["kind"], "PodList");
  EXPECT_EQ(list["items"][0]["status"]["containerStatuses"][0]["state"]["running"]["startedAt"],
            "2027-01-15T08:00:00Z");
  EXPECT_EQ(run({"pods", "-o", "yaml"}), kDone);
  EXPECT_THAT(text(), HasSubstr("kind: PodList"));
}

TEST_F(Client, PodsWatchPrintsEachChangeUntilTheAgentGoes) {
  addRunningPod("default", "web");
  serve();
  const auto change = [this](const std::function<void()>& fn) {
    onAgent([&] {
      fn();
      view.news.tell();
    });
  };
  int step = 0;
  out.onFlush = [&](const std::string& text) {
    if (step == 0 && text.find("web") != std::string::npos) {
      ++step;
      change([this] { (*view.podList[0].mutable_metadata()->mutable_labels())["a"] = "b"; });  // in no column
      change([this] { view.podList[0].mutable_status()->set_reason("Evicted"); });
    } else if (step == 1 && text.find("Evicted") != std::string::npos) {
      ++step;
      change([this] { view.podList.clear(); });
    } else if (step == 2 && text.find("Deleted") != std::string::npos) {
      ++step;
      loop.post([this] { closing.set_value(); });
    }
  };
  EXPECT_EQ(run({"pods", "-w"}), kUnreachable);
  thread.join();
  EXPECT_EQ(
      text(),
      "NAMESPACE      NAME                                   READY   STATUS              RESTARTS       AGE\n"
      "default        web                                    1/1     Running             0              <unknown>\n"
      "default        web                                    1/1     Evicted             0              <unknown>\n"
      "default        web                                    -       Deleted             -              -\n");
  EXPECT_THAT(err.str(), HasSubstr("the agent at " + options.path + " ended the connection"));
}

TEST_F(Client, PodsWatchPrintsJson) {
  addRunningPod("default", "web");
  addRunningPod("shop", "db");
  serve();
  out.onFlush = [&](const std::string& text) {
    if (text.ends_with("}\n")) outStream.setstate(std::ios::badbit);  // as when its reader hangs up
  };
  EXPECT_EQ(run({"pods", "-w", "-n", "shop", "-o", "json"}), kDone) << err.str();
  const auto json = nlohmann::json::parse(text());
  EXPECT_EQ(json["type"], "ADDED");
  EXPECT_EQ(json["object"]["metadata"]["name"], "db");
  EXPECT_EQ(run({"pods", "-w", "-o", "yaml"}), kUsage);
  EXPECT_THAT(err.str(), HasSubstr("not yaml"));
}

TEST_F(Client, PodsOfABareNodeSaysSo) {
  serve();
  EXPECT_EQ(run({"pods"}), kDone);
  EXPECT_EQ(text(), "");
  EXPECT_EQ(err.str(), "no pods\n");
}

TEST_F(Client, TopShowsWhatPodsUse) {
  view.usageJson = R"({"node":{"nodeName":"n1","cpu":{"usageNanoCores":5000000}},"pods":[
    {"podRef":{"namespace":"a","name":"x"},"memory":{"workingSetBytes":1048576}},
    {"podRef":{"namespace":"b","name":"y"},"memory":{"workingSetBytes":2097152}}]})";
  serve();
  EXPECT_EQ(run({"top", "--sort-by", "memory"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("b           y     -            2Mi\na           x     -            1Mi\n"));
  EXPECT_EQ(run({"top", "-n", "a", "-o", "json"}), kDone);
  const auto json = nlohmann::json::parse(text());
  ASSERT_EQ(json["pods"].size(), 1u);
  EXPECT_EQ(json["pods"][0]["memoryBytes"], 1048576);
  EXPECT_EQ(run({"top", "--sort-by", "name"}), kUsage);
}

TEST_F(Client, VolumesPrintsALineForEachPod) {
  server::VolumeView& staged = view.volumeList.emplace_back();
  staged.name = "pv-a";
  staged.driver = "d.csi";
  staged.kind = "persistent";
  staged.stage = "staged";
  staged.uses = {{"default/web", "published"}, {"default/db", "publishing"}};
  staged.waitsFor = "driver";
  server::VolumeView& left = view.volumeList.emplace_back();
  left.name = "pv-b";
  left.driver = "d.csi";
  left.kind = "block";
  left.stage = "unstaging";
  left.problem = "device busy";
  serve();
  EXPECT_EQ(run({"volumes"}), kDone) << err.str();
  EXPECT_EQ(text(),
            "VOLUME   DRIVER   KIND         POD           STATE        SINCE   WAITS FOR   PROBLEM\n"
            "pv-a     d.csi    persistent   default/web   published    -       driver      -\n"
            "pv-a     d.csi    persistent   default/db    publishing   -       driver      -\n"
            "pv-b     d.csi    block        -             unstaging    -       -           device busy\n");
  EXPECT_EQ(run({"volumes", "-o", "json"}), kDone);
  EXPECT_EQ(nlohmann::json::parse(text())["volumes"][1]["problem"], "device busy");
  onAgent([this] { view.volumeList.clear(); });
  EXPECT_EQ(run({"volumes"}), kDone);
  EXPECT_THAT(err.str(), HasSubstr("no CSI volumes"));
}

TEST_F(Client, PlanSaysWhatManifestsWouldChange) {
  const std::string manifests = directory + "/new";
  fs::create_directories(manifests);
  std::ofstream(manifests + "/web.yaml") << "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n"
                                            "  containers: [{name: c, image: web:1}]\n";
  EXPECT_EQ(run({"plan", manifests}), kDone) << err.str();
  EXPECT_THAT(err.str(), HasSubstr("no agent answers"));
  EXPECT_THAT(text(), HasSubstr("create   default/web-"));

  core::Pod& old = view.addPod("default", "web-node-1", "Running");
  (*old.mutable_metadata()->mutable_annotations())["kubernetes.io/config.source"] = "file";
  view.state.manifestPath = "/etc/cubelet/manifests";
  serve();
  std::ofstream(manifests + "/bad.yaml") << "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {container: []}\n";
  EXPECT_EQ(run({"plan", manifests}), kFailed) << err.str();
  EXPECT_THAT(text(), HasSubstr("replace   default/web-node-1   web.yaml"));
  EXPECT_THAT(text(), HasSubstr("bad.yaml:4: spec.container: unknown field"));
  EXPECT_EQ(run({"plan", directory + "/nothing", "-o", "json"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("/nothing"));
}

TEST_F(Client, CSI_20_VolumesCanBeCheckedAndRepaired) {
  serve();
  EXPECT_EQ(run({"volumes", "--check"}), kDone);
  EXPECT_THAT(err.str(), HasSubstr("journal, mounts and pods agree"));
  onAgent([this] { view.volumeCheck.found.push_back({"pv-1", "/mnt/1", "pod u1 is gone, and still has it", true}); });
  EXPECT_EQ(run({"volumes", "--check"}), kFailed);
  EXPECT_THAT(text(), HasSubstr("pv-1     /mnt/1   pod u1 is gone, and still has it   cubelet volumes --repair"));
  EXPECT_EQ(run({"volumes", "--check", "-o", "json"}), kFailed);
  EXPECT_EQ(nlohmann::json::parse(text())["found"][0]["leak"], true);
  EXPECT_EQ(run({"volumes", "--repair"}), kDone);
  EXPECT_THAT(text(), HasSubstr("repaired"));
}

TEST_F(Client, WithoutAnAgentItSaysWhatToDo) {
  EXPECT_EQ(run({"pods"}), kUnreachable);
  EXPECT_THAT(err.str(), StartsWith("cubelet: no agent listens on " + options.path));
  EXPECT_THAT(err.str(), HasSubstr("systemctl start cubelet"));
}

TEST_F(Client, WithoutPermissionItSaysWhatToDo) {
  options.allow = [](const server::Peer&) { return false; };
  serve();
  EXPECT_EQ(run({"pods"}), kUnreachable);
  EXPECT_THAT(err.str(), HasSubstr("run this command as root"));
}

TEST_F(Client, WrongUsageHasItsOwnExitCode) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"logs"},
                                               {"pods", "-o", "xml"},
                                               {"pods", "--nothing"},
                                               {"logs", "web", "--tail", "-1"},
                                               {"logs", "web", "--since", "soon"}}) {
    EXPECT_EQ(run(args), kUsage) << args[0];
    EXPECT_NE(err.str(), "");
    EXPECT_EQ(text(), "");
  }
}

TEST_F(Client, EveryCommandHasHelp) {
  for (const CommandInfo& command : clientCommands()) {
    EXPECT_EQ(run({std::string(command.name), "--help"}), kDone);
    EXPECT_THAT(text(), HasSubstr("--socket")) << command.name;
    EXPECT_TRUE(isClientCommand(command.name));
  }
  EXPECT_FALSE(isClientCommand("--config"));
}

TEST_F(Client, ReachesASocketWithALongPath) {
  options.path = directory + "/" + std::string(120, 'd') + "/cubelet.sock";
  serve();
  EXPECT_EQ(run({"version"}), kDone) << err.str();
}

TEST_F(Client, LogsPrintsTheFileOfTheContainer) {
  addRunningPod("default", "web-node1");
  append(logPath("web-node1"), "one");
  append(logPath("web-node1"), "two");
  serve();
  EXPECT_EQ(run({"logs", "web"}), kDone) << err.str();
  EXPECT_EQ(text(), "one\ntwo\n");
  EXPECT_EQ(run({"logs", "default/web-node1", "--tail", "1", "--timestamps"}), kDone);
  EXPECT_EQ(text(), "2027-01-15T08:00:00.500000000Z two\n");
  EXPECT_EQ(run({"logs", "web", "--since", "30s"}), kDone);
  EXPECT_EQ(text(), "");
  EXPECT_EQ(run({"logs", "web", "--since", "2m"}), kDone);
  EXPECT_EQ(text(), "one\ntwo\n");
}

TEST_F(Client, LogsPrintsThePreviousInstance) {
  core::ContainerStatus& status = *addRunningPod("default", "web").mutable_status()->mutable_containerstatuses(0);
  status.set_restartcount(1);
  status.mutable_laststate()->mutable_terminated()->set_exitcode(1);
  append(logPath("web", 0), "first life");
  append(logPath("web", 1), "second life");
  serve();
  EXPECT_EQ(run({"logs", "web", "-p"}), kDone) << err.str();
  EXPECT_EQ(text(), "first life\n");
  EXPECT_EQ(run({"logs", "web"}), kDone);
  EXPECT_EQ(text(), "second life\n");
}

TEST_F(Client, LogsSaysWhatIsWrong) {
  addRunningPod("default", "web");
  serve();
  EXPECT_EQ(run({"logs", "other"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("there is no pod 'other'"));
  EXPECT_EQ(run({"logs", "web", "-c", "x"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("it has: app"));
  EXPECT_EQ(run({"logs", "web", "--previous"}), kFailed);
  EXPECT_THAT(err.str(), HasSubstr("not found"));
  EXPECT_EQ(run({"logs", "web"}), kFailed) << "the file is missing";
  EXPECT_THAT(err.str(), HasSubstr("0.log"));
}

TEST_F(Client, FollowingALogGoesAcrossRotationAndEndsWithTheContainer) {
  core::Pod& pod = addRunningPod("default", "web");
  std::string path = logPath("web");
  append(path, "one");
  serve();
  out.onFlush = [&](const std::string& sofar) {
    if (sofar == "one\n") append(path, "two");
    if (sofar == "one\ntwo\n") {
      fs::rename(path, path + ".20270115-080000");
      append(path, "three");
    }
    if (sofar == "one\ntwo\nthree\n")
      onAgent([&] {
        core::ContainerState& state = *pod.mutable_status()->mutable_containerstatuses(0)->mutable_state();
        state.clear_running();
        state.mutable_terminated()->set_exitcode(0);
      });
  };
  AgentClient agent(options.path);
  ClientIo where = io();
  LogsOptions logs;
  logs.pod = "web";
  logs.follow = true;
  Result<void> shown = showLogs(agent, where, logs);
  EXPECT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(text(), "one\ntwo\nthree\n");
}

TEST_F(Client, FollowingTheLogOfAnEndedContainerJustPrintsIt) {
  core::ContainerState& state =
      *addRunningPod("default", "web").mutable_status()->mutable_containerstatuses(0)->mutable_state();
  state.clear_running();
  state.mutable_terminated()->set_exitcode(0);
  append(logPath("web"), "done");
  serve();
  EXPECT_EQ(run({"logs", "-f", "web"}), kDone) << err.str();
  EXPECT_EQ(text(), "done\n");
}

TEST_F(Client, EventsPrintsATableAndJson) {
  core::Pod pod = addRunningPod("default", "web");
  view.recorder.warning(events::containerRef(pod, "app"), "BackOff", "Back-off restarting failed container");
  view.recorder.normal(events::nodeRef("node-1", ""), "Starting", "starting");
  serve();
  EXPECT_EQ(run({"events"}), kDone) << err.str();
  EXPECT_THAT(text(), StartsWith("LAST SEEN"));
  EXPECT_THAT(text(), HasSubstr("60s         default     Warning   BackOff    pod/web (app)   Back-off restarting"));
  EXPECT_EQ(run({"events", "web"}), kDone);
  EXPECT_THAT(text(), Not(HasSubstr("node-1")));
  EXPECT_EQ(run({"events", "-o", "json"}), kDone);
  EXPECT_EQ(nlohmann::json::parse(text())["items"].size(), 2u);
  EXPECT_EQ(run({"events", "nobody"}), kDone);
  EXPECT_EQ(err.str(), "no events\n");
}

TEST_F(Client, FollowingEventsPrintsThemAsTheyComeAndEndsWithTheAgent) {
  view.recorder.normal(events::nodeRef("node-1", ""), "Starting", "before");
  serve();
  out.onFlush = [&](const std::string& sofar) {
    if (sofar.ends_with("before\n"))
      onAgent([&] { view.recorder.normal(events::nodeRef("node-1", ""), "NodeReady", "after"); });
    if (sofar.ends_with("after\n")) loop.post([this] { closing.set_value(); });
  };
  EXPECT_EQ(run({"events", "-f"}), kUnreachable);
  EXPECT_THAT(text(), HasSubstr("NodeReady"));
  EXPECT_THAT(err.str(), HasSubstr("ended the connection"));
  thread.join();
}

TEST_F(Client, ExplainTellsStepStatesAndEvents) {
  core::Pod& pod = addRunningPod("default", "web-node1");
  core::ContainerStatus& status = *pod.mutable_status()->mutable_containerstatuses(0);
  status.set_ready(false);
  status.set_restartcount(3);
  status.mutable_state()->mutable_waiting()->set_reason("CrashLoopBackOff");
  status.mutable_laststate()->mutable_terminated()->set_exitcode(7);
  status.mutable_laststate()->mutable_terminated()->mutable_finishedat()->set_seconds(1'800'000'030);
  core::PodCondition& condition = *pod.mutable_status()->add_conditions();
  condition.set_type("Ready");
  condition.set_status("False");
  condition.set_reason("ContainersNotReady");
  server::Explanation explanation;
  explanation.step = "waiting to restart container app";
  explanation.since = WallTime(std::chrono::seconds(1'800'000'030));
  explanation.waitingFor = "the back-off";
  explanation.nextTry = WallTime(std::chrono::seconds(1'800'000'070));
  view.explanations.emplace_back("default/web-node1", explanation);
  view.recorder.warning(events::containerRef(pod, "app"), "BackOff", "again");
  serve();
  EXPECT_EQ(run({"explain", "web"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("default/web-node1 (uid uid-web-node1)"));
  EXPECT_THAT(text(), HasSubstr("CrashLoopBackOff, 0/1 ready, restarts: 3 (30s ago)"));
  EXPECT_THAT(text(), HasSubstr("waiting to restart container app, since 30s"));
  EXPECT_THAT(text(), HasSubstr("the back-off"));
  EXPECT_THAT(text(), HasSubstr("in 10s"));
  EXPECT_THAT(text(), HasSubstr("not Ready   ContainersNotReady"));
  EXPECT_THAT(text(), HasSubstr("before that ended 30s ago with exit code 7"));
  EXPECT_THAT(text(), HasSubstr("BackOff   again"));
}

TEST_F(Client, ExplainWorksWithoutAStep) {
  addRunningPod("default", "web");
  serve();
  EXPECT_EQ(run({"explain", "web"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("runs for 60s, ready"));
  EXPECT_THAT(text(), Not(HasSubstr("Step:")));
}

TEST_F(Client, StatusSumsUp) {
  addRunningPod("default", "web");
  view.state.manifestPath = "/etc/kubernetes/manifests";
  view.state.manifestProblems = {"web.yaml:3: spec: required"};
  view.state.lastAudit = server::AuditView{.at = clock.wallNow(), .differences = 0, .total = 2};
  serve();
  EXPECT_EQ(run({"status"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("containerd 1.6.20 at unix:///run/containerd/containerd.sock"));
  EXPECT_THAT(text(), HasSubstr("1 (1 Running)"));
  EXPECT_THAT(text(), HasSubstr("problem: web.yaml:3: spec: required"));
  EXPECT_THAT(text(), HasSubstr("60s ago, 0 differences (2 since start)"));
  EXPECT_EQ(run({"status", "-o", "json"}), kDone);
  EXPECT_EQ(nlohmann::json::parse(text())["nodeName"], "node-1");
}

TEST_F(Client, StatusShowsTheCluster) {
  view.state.cluster = server::ClusterView{.server = "https://10.0.0.1:6443",
                                           .registered = true,
                                           .problem = "",
                                           .lastAnswer = clock.wallNow(),
                                           .leaseRenewedAt = clock.wallNow(),
                                           .certificateExpires = clock.wallNow() + std::chrono::hours(100),
                                           .notReady = {},
                                           .unsentStatuses = 3,
                                           .unsentEvents = 7};
  serve();
  EXPECT_EQ(run({"status"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("https://10.0.0.1:6443, last answer 60s ago"));
  EXPECT_THAT(text(), HasSubstr("registered, ready"));
  EXPECT_THAT(text(), HasSubstr("lease renewed 60s ago"));
  EXPECT_THAT(text(), HasSubstr("certificate expires in 4d"));
  EXPECT_THAT(text(), HasSubstr("3 pod statuses, 7 events"));
}

TEST_F(Client, StatusShowsWhatIsWrongWithTheCluster) {
  view.state.cluster = server::ClusterView();
  view.state.cluster->server = "https://10.0.0.1:6443";
  view.state.cluster->problem = "connection refused";
  view.state.cluster->certificateExpires = clock.wallNow();
  serve();
  EXPECT_EQ(run({"status"}), kDone) << err.str();
  EXPECT_THAT(text(), HasSubstr("has not answered yet, PROBLEM: connection refused"));
  EXPECT_THAT(text(), HasSubstr("not registered"));
  EXPECT_THAT(text(), HasSubstr("no lease yet"));
  EXPECT_THAT(text(), HasSubstr("certificate EXPIRED 60s ago"));
}

TEST_F(Client, StatusShowsWhatIsBroken) {
  view.problem = "the loop is late";
  view.state.runtime.reachable = false;
  view.state.runtime.problem = "connection refused";
  serve();
  EXPECT_EQ(run({"status"}), kDone);
  EXPECT_THAT(text(), HasSubstr("NOT OK: the loop is late"));
  EXPECT_THAT(text(), HasSubstr("NOT REACHABLE: connection refused"));
}

TEST_F(Client, VersionTellsBothSides) {
  serve();
  EXPECT_EQ(run({"version"}), kDone);
  EXPECT_EQ(text(), "command: cubelet 0.2.0\nagent:   cubelet 0.1.0 (Kubernetes v1.36.0)\n");
}

TEST(UrlEscape, LeavesOnlySafeCharacters) {
  EXPECT_EQ(urlEscape("shop/web a-1.~"), "shop%2Fweb%20a-1.~");
}

}  // namespace
}  // namespace cubelet::client
