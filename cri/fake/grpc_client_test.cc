// The gRPC clients against the fake runtime behind a true gRPC server: every RPC, and both event streams.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/loop.h"
#include "base/task_group.h"
#include "base/temp_dir.h"
#include "cri/client/grpc_images.h"
#include "cri/client/grpc_runtime.h"
#include "cri/fake/fake_server.h"

namespace cubelet::cri {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Kind = RuntimeEvent::Kind;

v1::PodSandboxConfig pod(const std::string& name, unsigned attempt = 0) {
  v1::PodSandboxConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_namespace_("default");
  config.mutable_metadata()->set_uid("uid-" + name);
  config.mutable_metadata()->set_attempt(attempt);
  config.set_log_directory("/var/log/pods/default_" + name);
  (*config.mutable_labels())["app"] = name;
  (*config.mutable_annotations())["note"] = "kept";
  return config;
}

v1::ContainerConfig containerOf(const std::string& name, unsigned attempt = 0) {
  v1::ContainerConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_attempt(attempt);
  config.mutable_image()->set_image("img");
  config.set_log_path(name + "/0.log");
  auto* env = config.add_envs();
  env->set_key("BINARY");
  env->set_value("\xff\xfe");
  return config;
}

Task<Result<v1::CheckpointContainerResponse>> keepRequest(v1::CheckpointContainerRequest* kept,
                                                          v1::CheckpointContainerRequest request) {
  *kept = std::move(request);
  co_return v1::CheckpointContainerResponse();
}

class Client : public testing::Test {
 protected:
  Client() { fake_.addImage("img"); }
  void SetUp() override { ASSERT_TRUE(server_.start()); }
  void TearDown() override {
    loop_.runToEnd(tasks_.close());
    // The server's handlers end when the client is gone; both need the loop.
    server_.stop();
  }

  template <class T>
  T run(Task<T> task) {
    return loop_.runToEnd(std::move(task));
  }
  std::string runPod(const std::string& name = "web") { return run(runtime_.runPodSandbox(pod(name), "")).value(); }
  std::string create(const std::string& sandbox, const std::string& name = "app") {
    return run(runtime_.createContainer(sandbox, containerOf(name), pod("web"))).value();
  }
  std::string start(const std::string& sandbox, const std::string& name = "app") {
    std::string id = create(sandbox, name);
    EXPECT_TRUE(run(runtime_.startContainer(id)));
    return id;
  }
  void runUntil(const std::function<bool()>& condition) {
    while (!condition()) loop_.context().run_one();
  }

  Loop loop_;
  SystemClock clock_{loop_};
  TempDir dir_;
  FakeRuntime fake_{clock_};
  FakeServer server_{loop_, fake_, dir_ / "cri.sock"};
  rpc::Pump pump_{loop_};
  TaskGroup tasks_{loop_};
  rpc::ChannelPtr channel_ = rpc::Channel::create(pump_, dir_ / "cri.sock").value();
  GrpcRuntime runtime_{channel_, ClientOptions()};
  GrpcImages images_{channel_, ClientOptions()};
};

TEST_F(Client, AsksForVersionAndStatus) {
  EXPECT_TRUE(run(runtime_.waitReady()));
  EXPECT_EQ(run(runtime_.version()).value().runtime_name(), "containerd");
  fake_.setNetworkReady(false, "no network yet");
  auto status = run(runtime_.status()).value();
  ASSERT_EQ(status.status().conditions_size(), 2);
  EXPECT_EQ(status.status().conditions(1).message(), "no network yet");
}

TEST_F(Client, RuntimeConfigMayBeUnimplemented) {
  EXPECT_EQ(run(runtime_.runtimeConfig()).error().code, Code::kUnimplemented);
  fake_.setCgroupDriver(v1::CGROUPFS);
  EXPECT_EQ(run(runtime_.runtimeConfig()).value().linux().cgroup_driver(), v1::CGROUPFS);
}

TEST_F(Client, TellsTheRuntimeThePodNetwork) {
  ASSERT_TRUE(run(runtime_.updateRuntimeConfig("10.1.0.0/24")));
  EXPECT_EQ(fake_.podCidr(), "10.1.0.0/24");
}

TEST_F(Client, RunsReadsListsStopsAndRemovesASandbox) {
  fake_.handlers["gvisor"] = {};
  std::string s = run(runtime_.runPodSandbox(pod("web"), "gvisor")).value();
  EXPECT_EQ(fake_.sandbox(s)->runtimeHandler, "gvisor");
  EXPECT_EQ(fake_.sandbox(s)->config.annotations().at("note"), "kept");
  auto status = run(runtime_.podSandboxStatus(s)).value().status();
  EXPECT_EQ(status.state(), v1::SANDBOX_READY);
  EXPECT_EQ(status.network().ip(), fake_.sandbox(s)->ips[0]);
  runPod("other");
  v1::PodSandboxFilter filter;
  (*filter.mutable_label_selector())["app"] = "web";
  auto list = run(runtime_.listPodSandbox(filter)).value();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].id(), s);
  ASSERT_TRUE(run(runtime_.stopPodSandbox(s)));
  EXPECT_FALSE(fake_.sandbox(s)->ready);
  ASSERT_TRUE(run(runtime_.removePodSandbox(s)));
  EXPECT_EQ(fake_.sandbox(s), nullptr);
}

TEST_F(Client, CreatesStartsReadsListsStopsAndRemovesAContainer) {
  std::string s = runPod();
  std::string c = create(s);
  EXPECT_EQ(fake_.container(c)->config.envs(0).value(), "\xff\xfe");
  ASSERT_TRUE(run(runtime_.startContainer(c)));
  auto status = run(runtime_.containerStatus(c)).value().status();
  EXPECT_EQ(status.state(), v1::CONTAINER_RUNNING);
  EXPECT_EQ(status.log_path(), "/var/log/pods/default_web/app/0.log");
  auto list = run(runtime_.listContainers({})).value();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].pod_sandbox_id(), s);
  ASSERT_TRUE(run(runtime_.stopContainer(c, milliseconds(1500))));
  EXPECT_EQ(fake_.container(c)->stopGrace, seconds(2)) << "CRI counts whole seconds";
  EXPECT_EQ(fake_.container(c)->exitCode, 143);
  ASSERT_TRUE(run(runtime_.removeContainer(c)));
  EXPECT_EQ(fake_.container(c), nullptr);
}

TEST_F(Client, UpdatesResourcesAndReopensLogs) {
  std::string c = start(runPod());
  v1::LinuxContainerResources resources;
  resources.set_cpu_shares(512);
  ASSERT_TRUE(run(runtime_.updateContainerResources(c, resources)));
  EXPECT_EQ(fake_.container(c)->resources.cpu_shares(), 512);
  ASSERT_TRUE(run(runtime_.reopenContainerLog(c)));
  EXPECT_EQ(fake_.container(c)->logReopens, 1);
}

TEST_F(Client, RunsACommandInAContainer) {
  std::string c = start(runPod());
  fake_.onExec = [](const FakeContainer& container, const std::vector<std::string>& command) {
    return FakeExec{.exitCode = 4, .output = container.name() + " " + command.at(1), .errorOutput = "\xff"};
  };
  auto answer = run(runtime_.execSync(c, {"echo", "hello"}, seconds(1))).value();
  EXPECT_EQ(answer.stdout(), "app hello");
  EXPECT_EQ(answer.stderr(), "\xff");
  EXPECT_EQ(answer.exit_code(), 4);
  EXPECT_TRUE(run(runtime_.execSync(c, {"echo", "hello"}, Duration(0))));
}

TEST_F(Client, SRV_3_AsksForCheckpoints) {
  const Result<void> refused = run(runtime_.checkpointContainer("c1", "/checkpoints/a.tar", Duration(0)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnimplemented) << "as containerd 1.6 answers";

  v1::CheckpointContainerRequest asked;
  std::function<Task<Result<v1::CheckpointContainerResponse>>(v1::CheckpointContainerRequest)> keep =
      [&asked](v1::CheckpointContainerRequest request) { return keepRequest(&asked, std::move(request)); };
  server_.rpcServer().onCall<v1::CheckpointContainerRequest, v1::CheckpointContainerResponse>(
      "/runtime.v1.RuntimeService/CheckpointContainer", std::move(keep));
  ASSERT_TRUE(run(runtime_.checkpointContainer("c1", "/checkpoints/a.tar", milliseconds(1500))));
  EXPECT_EQ(asked.container_id(), "c1");
  EXPECT_EQ(asked.location(), "/checkpoints/a.tar");
  EXPECT_EQ(asked.timeout(), 2);
}

TEST_F(Client, AsksForStreamingAddresses) {
  std::string s = runPod();
  std::string c = start(s);
  v1::ExecRequest exec;
  exec.set_container_id(c);
  EXPECT_THAT(run(runtime_.exec(exec)).value(), StartsWith("http://127.0.0.1:1/exec/"));
  v1::AttachRequest attach;
  attach.set_container_id(c);
  EXPECT_THAT(run(runtime_.attach(attach)).value(), StartsWith("http://127.0.0.1:1/attach/"));
  v1::PortForwardRequest forward;
  forward.set_pod_sandbox_id(s);
  EXPECT_THAT(run(runtime_.portForward(forward)).value(), StartsWith("http://127.0.0.1:1/portforward/"));
}

TEST_F(Client, ReadsFigures) {
  std::string s = runPod();
  std::string c = start(s);
  fake_.container(c)->memoryBytes = 4096;
  auto stats = run(runtime_.listContainerStats({})).value();
  ASSERT_EQ(stats.stats_size(), 1);
  EXPECT_EQ(stats.stats(0).memory().working_set_bytes().value(), 4096u);
  auto pods = run(runtime_.listPodSandboxStats({})).value();
  ASSERT_EQ(pods.stats_size(), 1);
  EXPECT_EQ(pods.stats(0).linux().memory().working_set_bytes().value(), 4096u);
}

TEST_F(Client, PullsReadsListsAndRemovesImages) {
  EXPECT_FALSE(run(images_.imageStatus("web:1")).value().has_value());
  v1::AuthConfig auth;
  auth.set_username("me");
  std::string ref = run(images_.pullImage("web:1", auth, pod("web"))).value();
  EXPECT_EQ(fake_.lastAuth().username(), "me");
  EXPECT_EQ(run(images_.imageStatus("web:1")).value()->id(), ref);
  EXPECT_EQ(run(images_.listImages()).value().size(), 2u);
  EXPECT_EQ(run(images_.imageFsInfo()).value().image_filesystems(0).used_bytes().value(), 2000u);
  ASSERT_TRUE(run(images_.removeImage("web:1")));
  EXPECT_FALSE(fake_.hasImage("web:1"));
}

TEST_F(Client, WhatIsGoneIsStoppedAndRemoved) {
  EXPECT_TRUE(run(runtime_.stopContainer("nope", seconds(1))));
  EXPECT_TRUE(run(runtime_.removeContainer("nope")));
  EXPECT_TRUE(run(runtime_.stopPodSandbox("nope")));
  EXPECT_TRUE(run(runtime_.removePodSandbox("nope")));
}

TEST_F(Client, ErrorsNameTheCallItsObjectAndTheSocket) {
  auto status = run(runtime_.containerStatus("nope"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kNotFound);
  EXPECT_THAT(status.error().message, StartsWith("ContainerStatus nope at " + (dir_ / "cri.sock") + ": "));
  fake_.failNext("RunPodSandbox", Error(Code::kInternal, "", "no pause image"));
  auto ran = run(runtime_.runPodSandbox(pod("web"), ""));
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().message, "RunPodSandbox default/web at " + (dir_ / "cri.sock") + ": no pause image");
  fake_.failNext("CreateContainer", Error(Code::kInternal, "", "no space"));
  auto created = run(runtime_.createContainer(runPod(), containerOf("app"), pod("web")));
  ASSERT_FALSE(created);
  EXPECT_THAT(created.error().message, StartsWith("CreateContainer app of default/web at "));
}

TEST_F(Client, ATakenNameAlreadyExists) {
  std::string s = runPod();
  EXPECT_EQ(run(runtime_.runPodSandbox(pod("web"), "")).error().code, Code::kAlreadyExists);
  create(s);
  auto again = run(runtime_.createContainer(s, containerOf("app"), pod("web")));
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  EXPECT_THAT(again.error().message, HasSubstr("is reserved for"));
}

Task<void> hangInto(GrpcRuntime* runtime, bool* done) {
  auto ignored = co_await runtime->version();
  *done = !ignored.has_value();
}

TEST_F(Client, CancellingTheTaskCancelsTheCallAtTheRuntime) {
  fake_.hangNext("Version", Duration(0));
  bool done = false;
  tasks_.spawn("version", hangInto(&runtime_, &done));
  runUntil([&] { return fake_.faults().inFlight("Version") == 1; });
  loop_.runToEnd(tasks_.close());
  EXPECT_TRUE(done);
  runUntil([&] { return fake_.faults().inFlight("Version") == 0; });
}

TEST_F(Client, DeadlinesAreKept) {
  ClientOptions options;
  options.runtimeRequestTimeout = milliseconds(50);
  GrpcRuntime hasty(channel_, options);
  fake_.hangNext("Version", Duration(0));
  EXPECT_EQ(run(hasty.version()).error().code, Code::kTimedOut);
  // A stop may take the grace on top.
  std::string c = start(runPod());
  fake_.program("app").ignoresTerm = true;
  EXPECT_TRUE(run(hasty.stopContainer(c, seconds(1))));
  EXPECT_EQ(fake_.container(c)->exitCode, 137);
  // A pull may take forever.
  fake_.delayNext("PullImage", milliseconds(150));
  GrpcImages hastyImages(channel_, options);
  EXPECT_TRUE(run(hastyImages.pullImage("web", {}, {})));
}

TEST_F(Client, ContainerdsEventsComeWithCodeAndTime) {
  auto opened = run(runtime_.openEvents());
  ASSERT_TRUE(opened) << opened.error().message;
  EventStream& events = **opened;
  std::string s = runPod();
  std::string c = start(s);
  fake_.oomContainer(c);
  std::vector<std::pair<Kind, std::string>> seen;
  RuntimeEvent last;
  for (int i = 0; i < 6; ++i) {
    last = run(events.next()).value();
    seen.emplace_back(last.kind, last.id);
  }
  EXPECT_THAT(seen,
              ElementsAre(std::pair(Kind::kCreated, s), std::pair(Kind::kStarted, s), std::pair(Kind::kCreated, c),
                          std::pair(Kind::kStarted, c), std::pair(Kind::kOom, c), std::pair(Kind::kExited, c)))
      << "and nothing of the exec that ended too";
  EXPECT_EQ(last.exitCode, 137);
  EXPECT_EQ(last.at, fake_.container(c)->finishedAt);
}

TEST_F(Client, NothingFallsBetweenOpeningEventsAndTheFirstOne) {
  server_.loseMarks(20);  // as if containerd reached the subscription late
  auto opened = run(runtime_.openEvents());
  ASSERT_TRUE(opened);
  EXPECT_EQ(server_.marksSeen(), 21);
  std::string s = runPod();
  EXPECT_EQ(run((*opened)->next()).value().id, s);
}

TEST_F(Client, ASubscriptionThatIsNeverConfirmedFails) {
  server_.loseMarks(1'000'000);
  EXPECT_EQ(run(runtime_.openEvents()).error().code, Code::kUnavailable);
}

TEST_F(Client, ContainerdIsAskedForOurNamespaceAndForLivesOnly) {
  ASSERT_TRUE(run(runtime_.openEvents()));
  ASSERT_EQ(server_.filters().size(), 2u);
  EXPECT_EQ(server_.filters()[0],
            "namespace==k8s.io,topic~=\"^/(tasks/(exit|start|oom)|containers/(create|delete))$\"");
  EXPECT_THAT(server_.filters()[1], StartsWith("topic==\"/cubelet/subscribed/"));
}

TEST_F(Client, CriEventsCarryStatuses) {
  fake_.setEventStyle(FakeRuntime::EventStyle::kCri);
  auto opened = run(runtime_.openEvents());
  ASSERT_TRUE(opened) << opened.error().message;
  std::string s = runPod();
  std::string c = start(s);
  fake_.exitContainer(c, 3);
  RuntimeEvent last;
  for (int i = 0; i < 5; ++i) last = run((*opened)->next()).value();
  EXPECT_EQ(last.kind, Kind::kExited);
  EXPECT_EQ(last.exitCode, 3);
  ASSERT_TRUE(last.sandbox);
  EXPECT_EQ(last.sandbox->id(), s);
  ASSERT_EQ(last.containers.size(), 1u);
  EXPECT_EQ(last.containers[0].state(), v1::CONTAINER_EXITED);
}

TEST_F(Client, CriEventsFromBeforeTheOpeningAreDropped) {
  fake_.setEventStyle(FakeRuntime::EventStyle::kCri);
  auto opened = run(runtime_.openEvents());
  ASSERT_TRUE(opened);
  RuntimeEvent old;
  old.kind = Kind::kExited;
  old.id = "old";
  old.at = std::chrono::system_clock::now() - seconds(5);
  runUntil([&] { return fake_.subscribers() == 1; });
  fake_.emit(old);
  std::string s = runPod();
  EXPECT_EQ(run((*opened)->next()).value().id, s);
}

TEST_F(Client, ARuntimeWithoutEventsSaysSo) {
  fake_.setEventStyle(FakeRuntime::EventStyle::kNone);
  auto opened = run(runtime_.openEvents());
  if (opened) {  // the refusal was slower than two other calls: then it ends the stream, and the next try knows
    EXPECT_EQ(run((*opened)->next()).error().code, Code::kUnavailable);
    opened = run(runtime_.openEvents());
  }
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kUnimplemented);
}

TEST_F(Client, ABrokenStreamIsUnavailableAndCanBeOpenedAgain) {
  for (auto style : {FakeRuntime::EventStyle::kContainerd, FakeRuntime::EventStyle::kCri}) {
    fake_.setEventStyle(style);
    GrpcRuntime runtime(channel_, ClientOptions());
    auto opened = run(runtime.openEvents());
    ASSERT_TRUE(opened);
    runUntil([&] { return fake_.subscribers() == 1; });
    fake_.breakEvents();
    EXPECT_EQ(run((*opened)->next()).error().code, Code::kUnavailable);
    opened = run(runtime.openEvents());
    ASSERT_TRUE(opened);
    opened->reset();
    runUntil([&] { return fake_.subscribers() == 0; });
  }
}

TEST_F(Client, ARestartOfTheRuntimeBreaksTheStreamAndIsSurvived) {
  auto opened = run(runtime_.openEvents());
  ASSERT_TRUE(opened);
  std::string c = start(runPod());
  server_.stop();
  Result<RuntimeEvent> event = run((*opened)->next());
  while (event) event = run((*opened)->next());
  EXPECT_EQ(event.error().code, Code::kUnavailable);
  EXPECT_EQ(run(runtime_.version()).error().code, Code::kUnavailable);
  ASSERT_TRUE(server_.start());
  ASSERT_TRUE(run(runtime_.waitReady()));
  EXPECT_EQ(run(runtime_.containerStatus(c)).value().status().state(), v1::CONTAINER_RUNNING);
  EXPECT_TRUE(run(runtime_.openEvents()));
}

}  // namespace
}  // namespace cubelet::cri
