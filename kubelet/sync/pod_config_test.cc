// What pods are made of, from the object to the runtime: hosts file, names, debug containers, runtime classes, user
// namespaces, environment files. Behaviours NET, EPH, RTC, SEC, CFG.
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "kubelet/objects/fake_objects.h"
#include "kubelet/sync/test_node.h"

namespace cubelet::sync {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using Names = std::vector<std::string>;

struct PodConfigSync : testing::Test {
  TestNode node;
  cri::FakeRuntime& runtime = node.runtime;
  objects::FakeObjects objects;

  void useCluster() {
    node.objects = &objects;
    objects.onChange([this](const std::string& ns, const std::string& name) {
      if (node.running()) node.sync().objectChanged(ns, name);
    });
  }
  std::string contentOf(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Where the container's mount at `path` comes from; "" when there is none.
  std::string mountSource(const std::string& container, const std::string& path) {
    const cri::FakeContainer* found = runtime.container(container);
    if (found == nullptr) return "no container";
    for (const auto& mount : found->config.mounts())
      if (mount.container_path() == path) return mount.host_path();
    return "";
  }
  std::string waitingMessage(const std::string& pod) {
    return node.status(pod).containerstatuses(0).state().waiting().message();
  }
  cri::v1::NamespaceOption namespacesOf(const std::string& container) {
    return runtime.container(container)->config.linux().security_context().namespace_options();
  }
  static core::Pod withDebugger(core::Pod pod, const std::string& target = "") {
    core::EphemeralContainer* debugger = pod.mutable_spec()->add_ephemeralcontainers();
    debugger->mutable_ephemeralcontainercommon()->set_name("debug");
    debugger->mutable_ephemeralcontainercommon()->set_image("web:1");
    if (!target.empty()) debugger->set_targetcontainername(target);
    api::setDefaults(pod);
    return pod;
  }
  static k8s::node::v1::RuntimeClass runtimeClass(const std::string& name, const std::string& handler) {
    k8s::node::v1::RuntimeClass out;
    out.mutable_metadata()->set_name(name);
    out.set_handler(handler);
    return out;
  }
  static core::Pod withClass(const std::string& name) {
    core::Pod pod = makePod("a", "u1");
    pod.mutable_spec()->set_runtimeclassname(name);
    return pod;
  }
  static core::Pod withoutHostUsers(const std::string& name, const std::string& uid) {
    core::Pod pod = makePod(name, uid);
    pod.mutable_spec()->set_hostusers(false);
    return pod;
  }
};

// ---- Hosts file and hostname

TEST_F(PodConfigSync, NET_1_EveryContainerSharesOneHostsFile) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  *pod.mutable_spec()->add_containers() = pod.spec().containers(0);
  pod.mutable_spec()->mutable_containers(1)->set_name("other");
  node.setPods({pod});
  ASSERT_EQ(runtime.running(), (Names{"other#0", "web#0"}));
  const std::string file = node.root("pods/u1/etc-hosts");
  EXPECT_EQ(mountSource("web", "/etc/hosts"), file);
  EXPECT_EQ(mountSource("other", "/etc/hosts"), file);
  const std::string ip = node.status("a").podip();
  EXPECT_NE(contentOf(file).find("\n" + ip + "\ta\n"), std::string::npos) << contentOf(file);
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0644));
}

TEST_F(PodConfigSync, NET_1_ARestartKeepsTheFileAndRewritesItsContent) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  const std::string file = node.root("pods/u1/etc-hosts");
  const std::string before = contentOf(file);
  Fd held(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  std::ofstream(file, std::ios::app) << "10.9.9.9 of-the-program\n";
  runtime.exitContainer("web", 1);
  node.settle();
  ASSERT_EQ(runtime.running(), Names{"web#1"});
  EXPECT_EQ(contentOf(file), before);
  EXPECT_EQ(readAll(held, file, 4096).value(), before) << "whoever has it mounted sees the same file";
}

TEST_F(PodConfigSync, NET_1_AMountOfThePodsOwnTakesItsPlace) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  core::Volume* volume = pod.mutable_spec()->add_volumes();
  volume->set_name("mine");
  volume->mutable_volumesource()->mutable_emptydir();
  auto* mount = pod.mutable_spec()->mutable_containers(0)->add_volumemounts();
  mount->set_name("mine");
  mount->set_mountpath("/etc/hosts");
  node.setPods({pod});
  ASSERT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_NE(mountSource("web", "/etc/hosts").find("/volumes/"), std::string::npos);
}

TEST_F(PodConfigSync, NET_5_AFullNameThatIsTooLongKeepsThePodWaiting) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->set_hostname(std::string(60, 'h'));
  pod.mutable_spec()->set_subdomain("db");
  pod.mutable_spec()->set_sethostnameasfqdn(true);
  node.setPods({pod});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  EXPECT_EQ(node.status("a").phase(), "Pending");
  EXPECT_TRUE(node.hasEvent("FailedCreatePodSandBox", "is too long (64 characters is the max"));
  pod.mutable_spec()->set_hostname("h");
  node.setPods({pod});
  EXPECT_TRUE(node.advanceUntil([&] { return runtime.running() == Names{"web#0"}; }, seconds(11)));
  EXPECT_EQ(runtime.sandbox("a")->config.hostname(), "h.db.default.svc.");
}

// ---- Ephemeral containers

TEST_F(PodConfigSync, EPH_1_StartsWhenTheObjectGainsItAndNeverAgain) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.setPods({withDebugger(makePod("a", "u1"))});
  ASSERT_EQ(runtime.running(), (Names{"debug#0", "web#0"}));
  EXPECT_EQ(node.countCalls("StopContainer"), 0u);
  runtime.exitContainer("debug", 0);
  node.advance(seconds(60));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_EQ(node.status("a").phase(), "Running");
}

TEST_F(PodConfigSync, EPH_1_StartsBesideAnInitContainerThatRuns) {
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  *pod.mutable_spec()->add_initcontainers() = pod.spec().containers(0);
  pod.mutable_spec()->mutable_initcontainers(0)->set_name("init");
  node.setPods({withDebugger(pod)});
  EXPECT_EQ(runtime.running(), (Names{"debug#0", "init#0"}));
}

TEST_F(PodConfigSync, EPH_1_NotEvenAfterARestartOfTheAgent) {
  node.startAgent();
  node.setPods({withDebugger(makePod("a", "u1"))});
  ASSERT_EQ(runtime.running(), (Names{"debug#0", "web#0"}));
  runtime.exitContainer("debug", 3);
  node.settle();
  node.stopAgent();
  node.startAgent();
  node.setPods({withDebugger(makePod("a", "u1"))});
  node.advance(seconds(60));
  EXPECT_EQ(runtime.running(), Names{"web#0"});
}

TEST_F(PodConfigSync, EPH_2_ItSeesTheProcessesOfItsTarget) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.setPods({withDebugger(makePod("a", "u1"), "web")});
  ASSERT_NE(runtime.container("debug"), nullptr);
  EXPECT_EQ(namespacesOf("debug").pid(), cri::v1::TARGET);
  EXPECT_EQ(namespacesOf("debug").target_id(), runtime.container("web")->id);
}

TEST_F(PodConfigSync, EPH_2_AnUnknownTargetIsTold) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  node.setPods({withDebugger(makePod("a", "u1"), "nobody")});
  ASSERT_EQ(node.status("a").ephemeralcontainerstatuses_size(), 1);
  const auto& waiting = node.status("a").ephemeralcontainerstatuses(0).state().waiting();
  EXPECT_EQ(waiting.reason(), "CreateContainerConfigError");
  EXPECT_EQ(waiting.message(), "unable to find target container nobody");
  EXPECT_TRUE(node.hasEvent("Failed", "Error: unable to find target container nobody"));
}

TEST_F(PodConfigSync, EPH_3_ItHasAStatusALogAndAnAddressInEvents) {
  node.startAgent();
  node.setPods({withDebugger(makePod("a", "u1"))});
  ASSERT_EQ(node.status("a").ephemeralcontainerstatuses_size(), 1);
  const core::ContainerStatus& status = node.status("a").ephemeralcontainerstatuses(0);
  EXPECT_EQ(status.name(), "debug");
  EXPECT_TRUE(status.state().has_running());
  EXPECT_FALSE(status.ready());
  EXPECT_EQ(runtime.container("debug")->config.log_path(), "debug/0.log");
  EXPECT_EQ(mountSource("debug", "/etc/hosts"), node.root("pods/u1/etc-hosts"));
  runtime.exitContainer("debug", 7);
  node.settle();
  EXPECT_EQ(node.status("a").ephemeralcontainerstatuses(0).state().terminated().exitcode(), 7);
}

TEST_F(PodConfigSync, EPH_3_ItEndsWithThePod) {
  node.startAgent();
  node.setPods({withDebugger(makePod("a", "u1"))});
  node.setPods({});
  EXPECT_TRUE(node.advanceUntil([&] { return node.gone(); }, seconds(40)));
}

// ---- RuntimeClass

TEST_F(PodConfigSync, RTC_1_TheClassNamesTheHandler) {
  useCluster();
  runtime.handlers["runsc"] = {};
  objects.put(runtimeClass("gvisor", "runsc"));
  node.startAgent();
  node.setPods({withClass("gvisor")});
  ASSERT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_EQ(runtime.sandbox("a")->runtimeHandler, "runsc");
}

TEST_F(PodConfigSync, RTC_1_WithoutAClassItIsTheDefault) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_EQ(runtime.sandbox("a")->runtimeHandler, "");
  EXPECT_EQ(node.countCalls("Status"), 0u) << "nobody needs to know what the runtime can do";
}

TEST_F(PodConfigSync, RTC_2_AMissingClassIsToldAndItsAppearanceStartsThePod) {
  useCluster();
  runtime.handlers["runsc"] = {};
  node.startAgent();
  node.setPods({withClass("gvisor")});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  EXPECT_TRUE(node.hasEvent("FailedCreatePodSandBox",
                            "Failed to create pod sandbox: runtimeclass.node.k8s.io \"gvisor\" not found"));
  EXPECT_EQ(node.waitingReason("a"), "ContainerCreating");
  objects.put(runtimeClass("gvisor", "runsc"));
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"web#0"}) << "no time has passed";
}

TEST_F(PodConfigSync, RTC_2_AHandlerThatTheRuntimeDoesNotKnowIsTold) {
  useCluster();
  objects.put(runtimeClass("gvisor", "runsc"));
  node.startAgent();
  node.setPods({withClass("gvisor")});
  EXPECT_TRUE(runtime.running().empty());
  EXPECT_TRUE(node.hasEvent("FailedCreatePodSandBox", "no runtime for \"runsc\" is configured"));
}

TEST_F(PodConfigSync, RTC_2_ANodeWithoutAClusterSaysWhatIsNotPossible) {
  node.startAgent();
  node.setPods({withClass("gvisor")});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  EXPECT_TRUE(node.hasEvent("FailedCreatePodSandBox",
                            "runtimeClassName is \"gvisor\", but a RuntimeClass is an object "
                            "of the API server and this node has none"));
}

TEST_F(PodConfigSync, RTC_1_AContainerIsRestartedThoughItsClassIsGone) {
  useCluster();
  runtime.handlers["runsc"] = {};
  objects.put(runtimeClass("gvisor", "runsc"));
  node.startAgent();
  node.setPods({withClass("gvisor")});
  node.stopAgent();
  objects.runtimeClasses.clear();
  node.startAgent();
  node.setPods({withClass("gvisor")});
  runtime.exitContainer("web", 1);
  node.settle();
  EXPECT_EQ(runtime.running(), Names{"web#1"});
}

// ---- User namespaces

TEST_F(PodConfigSync, SEC_14_EachPodHasIdsOfItsOwnThatStay) {
  runtime.handlers[""].set_user_namespaces(true);
  node.startAgent();
  node.setPods({withoutHostUsers("a", "u1"), withoutHostUsers("b", "u2")});
  ASSERT_EQ(runtime.running(), (Names{"web#0", "web#0"}));
  const auto first = [this](const std::string& pod) {
    return runtime.sandbox(pod)
        ->config.linux()
        .security_context()
        .namespace_options()
        .userns_options()
        .uids(0)
        .host_id();
  };
  const std::uint32_t ofA = first("a");
  EXPECT_NE(ofA, first("b"));
  EXPECT_GE(ofA, 65536u);
  EXPECT_NE(contentOf(node.root("pods/u1/userns")).find(std::to_string(ofA)), std::string::npos);

  node.stopAgent();
  node.startAgent();
  node.setPods({withoutHostUsers("a", "u1"), withoutHostUsers("b", "u2")});
  runtime.killSandbox("a", true);
  ASSERT_TRUE(node.advanceUntil([&] { return runtime.sandbox("a")->config.metadata().attempt() == 1; }, seconds(30)));
  EXPECT_EQ(first("a"), ofA);
}

TEST_F(PodConfigSync, SEC_14_TheirEndFreesThem) {
  runtime.handlers[""].set_user_namespaces(true);
  node.startAgent();
  node.setPods({withoutHostUsers("a", "u1")});
  node.setPods({});
  ASSERT_TRUE(node.advanceUntil([&] { return node.gone() && node.sync().podCount() == 0; }, seconds(40)));
  node.setPods({withoutHostUsers("b", "u2")});
  ASSERT_EQ(runtime.running(), Names{"web#0"});
  EXPECT_EQ(namespacesOf("web").userns_options().uids(0).host_id(), 65536u);
}

TEST_F(PodConfigSync, SEC_14_ARuntimeThatCannotIsTold) {
  node.startAgent();
  node.setPods({withoutHostUsers("a", "u1")});
  EXPECT_EQ(node.countCalls("RunPodSandbox"), 0u);
  EXPECT_TRUE(node.hasEvent(
      "FailedCreatePodSandBox",
      "Failed to create pod sandbox: can't set `spec.hostUsers: false`, runtime does not support user namespaces"));
}

// ---- Who runs

TEST_F(PodConfigSync, SEC_4_TheStatusTellsWhoRuns) {
  node.runtimeTellsUsers = true;
  runtime.tellsUsers = true;
  node.startAgent();
  core::Pod pod = makePod("a", "u1");
  pod.mutable_spec()->mutable_securitycontext()->set_runasuser(1000);
  pod.mutable_spec()->mutable_securitycontext()->set_runasgroup(2000);
  pod.mutable_spec()->mutable_securitycontext()->add_supplementalgroups(3000);
  node.setPods({pod});
  const core::LinuxContainerUser& user = node.status("a").containerstatuses(0).user().linux();
  EXPECT_EQ(user.uid(), 1000);
  EXPECT_EQ(user.gid(), 2000);
  ASSERT_EQ(user.supplementalgroups_size(), 1);
  EXPECT_EQ(user.supplementalgroups(0), 3000);
}

TEST_F(PodConfigSync, SEC_4_WhereTheRuntimeDoesNotTellNobodyAsks) {
  node.startAgent();
  node.setPods({makePod("a", "u1")});
  EXPECT_FALSE(node.status("a").containerstatuses(0).has_user());
  EXPECT_EQ(node.countCalls("ContainerStatus"), 0u);
}

// ---- Environment files

struct EnvFiles : PodConfigSync {
  EnvFiles() { node.startAgent(); }
  static core::Pod podWithFile(const std::string& path, bool optional = false) {
    core::Pod pod = makePod("a", "u1");
    core::Volume* volume = pod.mutable_spec()->add_volumes();
    volume->set_name("vars");
    volume->mutable_volumesource()->mutable_emptydir();
    *pod.mutable_spec()->add_initcontainers() = pod.spec().containers(0);
    pod.mutable_spec()->mutable_initcontainers(0)->set_name("init");
    core::EnvVar* variable = pod.mutable_spec()->mutable_containers(0)->add_env();
    variable->set_name("COLOR");
    auto* reference = variable->mutable_valuefrom()->mutable_filekeyref();
    reference->set_volumename("vars");
    reference->set_path(path);
    reference->set_key("color");
    reference->set_optional(optional);
    return pod;
  }
  std::string volumePath(const std::string& below) {
    return node.root("pods/u1/volumes/kubernetes.io~empty-dir/vars/") + below;
  }
  void endInit() {
    runtime.exitContainer("init", 0);
    node.settle();
  }
  std::string color() {
    const cri::FakeContainer* web = runtime.container("web");
    if (web == nullptr) return "no container";
    for (const auto& variable : web->config.envs())
      if (variable.key() == "COLOR") return variable.value();
    return "unset";
  }
};

TEST_F(EnvFiles, CFG_10_WhatAnInitContainerHasWrittenIsRead) {
  node.setPods({podWithFile("sub/file.env")});
  fs::create_directories(volumePath("sub"));
  std::ofstream(volumePath("sub/file.env")) << "# of init\ncolor='dark\nred'\n";
  endInit();
  EXPECT_EQ(color(), "dark\nred");
}

TEST_F(EnvFiles, CFG_10_AMissingFileIsToldAndAwaited) {
  node.setPods({podWithFile("file.env", true)});
  endInit();
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerConfigError");
  std::ofstream(volumePath("file.env")) << "color='red'\n";
  EXPECT_TRUE(node.advanceUntil([&] { return color() == "red"; }, seconds(11)));
}

TEST_F(EnvFiles, CFG_10_AMissingKeyIsAnErrorUnlessOptional) {
  node.setPods({podWithFile("file.env")});
  std::ofstream(volumePath("file.env")) << "size='3'\n";
  endInit();
  EXPECT_EQ(waitingMessage("a"), "environment variable key \"color\" not found in file \"file.env\"");
  node.setPods({podWithFile("file.env", true)});
  EXPECT_TRUE(node.advanceUntil([&] { return color() == "unset"; }, seconds(11)));
}

TEST_F(EnvFiles, CFG_10_ALinkLeadsNowhereOutside) {
  node.setPods({podWithFile("link/file.env")});
  std::ofstream(node.temp / "file.env") << "color='stolen'\n";
  fs::create_directory_symlink(node.temp / "", volumePath("link"));
  endInit();
  EXPECT_EQ(node.waitingReason("a"), "CreateContainerConfigError");
  EXPECT_EQ(color(), "no container");
}

}  // namespace
}  // namespace cubelet::sync
