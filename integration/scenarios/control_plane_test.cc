// A node whose static pods are the control plane of the cluster that it is a node of.
#include "integration/harness/control_plane.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "integration/harness/built.h"
#include "integration/harness/components.h"
#include "integration/harness/kept_logs.h"
#include "integration/harness/node_test.h"
#include "integration/harness/program_image.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSpace = "kube-system";
// Long enough for a controller manager or scheduler that gave up once and is started again after its back-off.
constexpr Duration kUp = 120s;

class StaticControlPlane : public NodeTest {
 protected:
  void SetUp() override {
    if (std::string reason = ControlPlane::missing(); !reason.empty()) {
      if (std::getenv("CI") != nullptr) FAIL() << reason;
      GTEST_SKIP() << reason;
    }
    NodeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    began_ = std::chrono::steady_clock::now();
    const fs::path dir = node().dir() / "cluster";
    ports_ = chooseClusterPorts();
    credentials_.emplace(dir, ports_.url());
    kubectl_.emplace(dir, credentials_->admin);
    fs::create_directories(dir / "etcd");
    commands_ = {{"etcd", etcdCommand(ports_, dir / "etcd")},
                 {"kube-apiserver", apiServerCommand(ports_, *credentials_)},
                 {"kube-controller-manager", controllerManagerCommand(*credentials_)},
                 {"kube-scheduler", schedulerCommand(*credentials_)}};
    const fs::path etcd = firstLine(run({"sh", "-c", "command -v etcd"}).output);
    for (const auto& [program, command] : commands_)
      importProgramImage(node().containerd(), imageOf(program),
                         program == "etcd" ? etcd : built::controlPlane() / program, node().dir());
    tell("images are made");
  }

  void TearDown() override {
    if (std::error_code none; node_ && HasFailure())
      for (const auto& entry : fs::recursive_directory_iterator(node().podLogs(), none))
        if (entry.is_regular_file())
          printf("--- end of %s\n%s", entry.path().c_str(), run({"tail", "-n", "8", entry.path()}).output.c_str());
    NodeTest::TearDown();
  }

  static std::string firstLine(const std::string& text) { return text.substr(0, text.find('\n')); }
  static std::string imageOf(const std::string& program) { return "cubelet.local/" + program + ":1"; }

  // The container sees the files of the cluster under the paths that they have here.
  json manifestOf(const std::string& program) const {
    const std::string dir = kubectlDir().string();
    json manifest = pod(program, {json{{"name", program},
                                       {"image", imageOf(program)},
                                       {"command", commands_.at(program)},
                                       {"volumeMounts", json::array({{{"name", "cluster"}, {"mountPath", dir}}})}}});
    manifest["metadata"]["namespace"] = kSpace;
    manifest["metadata"]["labels"] = {{"component", program}, {"tier", "control-plane"}};
    json& spec = manifest["spec"];
    spec["hostNetwork"] = true;
    spec["priorityClassName"] = "system-node-critical";
    spec["volumes"] = json::array({{{"name", "cluster"}, {"hostPath", {{"path", dir}, {"type", "Directory"}}}}});
    return manifest;
  }
  fs::path kubectlDir() const { return credentials_->admin.parent_path(); }
  void writeManifests() {
    for (const auto& [program, command] : commands_) node().writeText(program + ".json", manifestOf(program).dump(2));
  }

  static std::string complaint(const Finished& finished) {
    return finished.ok() ? "" : "exit code " + std::to_string(finished.exitCode) + ": " + finished.errors;
  }

  // What is asked of the API server, as cluster administrator.
  const Kubectl& cluster() const { return *kubectl_; }
  Look allFourRun() {
    std::vector<Look> looks;
    for (const auto& [program, command] : commands_) looks.push_back(runsOnce(node(), program, {program}));
    return all(looks);
  }
  Look apiServerIsReady() const {
    return [this] { return complaint(cluster().kubectl({"get", "--raw", "/readyz", "--request-timeout=2s"})); };
  }
  // Which only the controller manager makes.
  Look hasDefaultServiceAccount() const {
    return [this] { return complaint(cluster().kubectl({"get", "serviceaccount", "default", "-o", "name"})); };
  }
  Look nodeIsReady() const {
    return [this]() -> std::string {
      json seen = cluster().get({"node", "node1"});
      return conditionOf(seen, "Ready") == "True" ? "" : seen.dump();
    };
  }
  json mirrorOf(const std::string& program) { return cluster().get({"pod", "-n", kSpace, node().fullName(program)}); }
  // A pod of the API that says of itself that it only shows a static one, belongs to the Node, and is up.
  Look isMirrored(const std::string& program) {
    return [this, program]() -> std::string {
      json seen = mirrorOf(program);
      if (seen.is_null()) return "no mirror pod of " + program;
      const json& about = seen["metadata"];
      bool mirrors = about.value("annotations", json::object()).contains("kubernetes.io/config.mirror");
      json owners = about.value("ownerReferences", json::array());
      bool owned =
          owners.size() == 1 && owners[0].value("kind", "") == "Node" && owners[0].value("name", "") == "node1";
      bool up = seen["status"].value("phase", "") == "Running" && conditionOf(seen, "Ready") == "True";
      return mirrors && owned && up ? "" : seen.dump();
    };
  }
  Look areMirrored() {
    std::vector<Look> looks;
    for (const auto& [program, command] : commands_) looks.push_back(isMirrored(program));
    return all(looks);
  }

  // Containers that run, by program: the same answer later means that none was started again.
  std::map<std::string, std::set<std::string>> running() {
    std::map<std::string, std::set<std::string>> ids;
    for (const auto& [program, command] : commands_)
      for (const auto& each : node().cri().containersOf(node().fullName(program)))
        if (each.state() == runtime::v1::CONTAINER_RUNNING) ids[program].insert(each.id());
    return ids;
  }

  // Tells whoever runs the tests where the time goes.
  void tell(const std::string& what) const {
    printf("  %5.1f s  %s\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(),
           what.c_str());
    fflush(stdout);
  }

  // An address of this machine for --node-ip; empty when it has none but the loopback's.
  static std::string addressOfMachine() {
    json answer = json::parse(run({"ip", "-json", "-4", "address", "show", "scope", "global", "up"}).output);
    for (const json& link : answer)
      for (const json& address : link.value("addr_info", json::array())) return address.value("local", "");
    return "";
  }

  ClusterPorts ports_;
  std::optional<ClusterCredentials> credentials_;
  std::optional<Kubectl> kubectl_;
  std::map<std::string, Command> commands_;  // by program
  std::chrono::steady_clock::time_point began_;
};

// Without a cluster the node keeps a control plane up as it does any static pod, and leaves it alone when the agent is
// started again.
TEST_F(StaticControlPlane, STA_10_RunsFromManifestsAlone) {
  writeManifests();
  node().startAgent();
  ASSERT_TRUE(eventually("all four run", kUp, allFourRun()));
  tell("all four run");
  ASSERT_TRUE(eventually("the API server is ready", kUp, apiServerIsReady()));
  tell("the API server is ready");
  ASSERT_TRUE(eventually("the controllers work", kUp, hasDefaultServiceAccount()));
  ASSERT_TRUE(eventually("all four run", kUp, allFourRun()));
  tell("the controllers work");

  auto before = running();
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  EXPECT_TRUE(stays("all four run", 2s, allFourRun()));
  EXPECT_EQ(running(), before);
}

TEST_F(StaticControlPlane, STA_10_STA_17_NodeJoinsTheClusterThatItRuns) {
  fs::path kubeconfig = node().dir() / "kubelet.conf";
  credentials_->writeNodeKubeconfig(kubeconfig, "node1");
  node().extraFlags = {"--kubeconfig=" + kubeconfig.string(), "--register-node=true"};
  if (std::string address = addressOfMachine(); !address.empty()) node().extraFlags.push_back("--node-ip=" + address);
  writeManifests();
  node().startAgent();
  ASSERT_TRUE(eventually("all four run", kUp, allFourRun()));
  tell("all four run");
  ASSERT_TRUE(eventually("the API server is ready", kUp, apiServerIsReady()));
  tell("the API server is ready");
  ASSERT_TRUE(eventually("the node is ready", kSoon, nodeIsReady()));
  tell("the node is ready");
  ASSERT_TRUE(eventually("the controllers work", kUp, hasDefaultServiceAccount()));
  json spec = json::parse(node().textOf(pod("web", {marker("c", "web")})))["spec"];
  spec["automountServiceAccountToken"] = false;
  const json labels = {{"app", "web"}};
  cluster().apply({{"apiVersion", "apps/v1"},
                   {"kind", "Deployment"},
                   {"metadata", {{"name", "web"}}},
                   {"spec",
                    {{"replicas", 1},
                     {"selector", {{"matchLabels", labels}}},
                     {"template", {{"metadata", {{"labels", labels}}}, {"spec", spec}}}}}});
  EXPECT_TRUE(eventually("the deployment's pod runs", kSoon, hasStarts(node(), "web", 1)));
  EXPECT_TRUE(eventually("the deployment is available", kSoon, [this]() -> std::string {
    json seen = cluster().get({"deployment", "web"});
    return seen.is_object() && seen["status"].value("availableReplicas", 0) == 1 ? "" : seen.dump();
  }));
  tell("a deployment runs");

  // The upstream kubelet tries again once a minute only.
  ASSERT_TRUE(eventually("all four are mirrored", kUp, areMirrored()));
  tell("all four are mirrored");
  auto before = running();
  const std::string old = mirrorOf("kube-scheduler")["metadata"]["uid"];
  Finished removed =
      cluster().kubectl({"delete", "pod", "-n", kSpace, node().fullName("kube-scheduler"), "--wait=false"});
  EXPECT_TRUE(removed.ok()) << removed.errors;
  EXPECT_TRUE(eventually("a new mirror of kube-scheduler", kSoon, [&]() -> std::string {
    json seen = mirrorOf("kube-scheduler");
    return seen.is_object() && seen["metadata"].value("uid", "") != old ? "" : seen.dump();
  }));
  EXPECT_TRUE(eventually("the new mirror shows a running pod", kSoon, isMirrored("kube-scheduler")));
  tell("a mirror pod is back");

  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  EXPECT_TRUE(stays("all four run", 2s, allFourRun()));
  EXPECT_EQ(running(), before) << "started again";
  EXPECT_EQ(node().starts("web"), 1u);
}

}  // namespace
}  // namespace cubelet::integration
