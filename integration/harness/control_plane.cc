#include "integration/harness/control_plane.h"

#include <array>
#include <csignal>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "integration/harness/built.h"
#include "integration/harness/kept_logs.h"
#include "integration/harness/wait.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::seconds kStartLimit{90};
// In the order in which they are started.
constexpr std::array kPrograms = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"};

// Much cheaper than kubectl, again and again while a server needs the processor to come up.
bool listens(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool taken = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return taken;
}

// Of nodes only: everything else would cost time and tell nothing of the agent.
constexpr const char* kAuditPolicy = R"(apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:nodes"]
- level: None
)";

json clusterRoleBinding(const std::string& name, const std::string& role, const std::string& subjectKind,
                        const std::string& subject) {
  const char* group = "rbac.authorization.k8s.io";
  return {{"apiVersion", "rbac.authorization.k8s.io/v1"},
          {"kind", "ClusterRoleBinding"},
          {"metadata", {{"name", name}}},
          {"roleRef", {{"apiGroup", group}, {"kind", "ClusterRole"}, {"name", role}}},
          {"subjects", json::array({{{"apiGroup", group}, {"kind", subjectKind}, {"name", subject}}})}};
}

}  // namespace

ControlPlane::ControlPlane(fs::path dir)
    : Kubectl(dir, dir / "admin.conf"),
      dir_(std::move(dir)),
      programs_(built::controlPlane()),
      ports_(chooseClusterPorts()) {}

ControlPlane::~ControlPlane() {
  try {
    // SIGKILL, the clients of the API server first: nothing of theirs is worth an orderly end.
    for (auto name = kPrograms.rbegin(); name != kPrograms.rend(); ++name) running_.erase(*name);
    fs::remove_all(dir_);
  } catch (const std::exception& problem) {
    fprintf(stderr, "ending the control plane: %s\n", problem.what());
  }
}

std::string ControlPlane::missing() {
  for (const char* program : {"etcd", "kubectl", "openssl", "python3"})
    if (!run({"sh", "-c", std::string("command -v ") + program}).ok())
      return std::string("no ") + program + " (scripts/install-packages cluster)";
  if (built::controlPlane().empty()) return "the control plane was not built (scripts/build-control-plane)";
  return "";
}

void ControlPlane::start() {
  fs::create_directories(dir_);
  credentials_.emplace(dir_, url());
  startEtcd();
  startApiServer();
  startControllerManager();
  startScheduler();
  applyRoles();
  waitFor("kube-controller-manager", "the default service account", &ControlPlane::controllersWork);
  if (std::string dead = crashed(); !dead.empty()) throw std::runtime_error(dead);
}

std::string ControlPlane::crashed() {
  std::string text;
  for (auto& [name, process] : running_)
    if (!process.running())
      text += name + " ended with exit code " + std::to_string(process.waitExit(Duration::zero()).value_or(-1)) +
              ":\n" + lastWords(logOf(name));
  return text;
}

void ControlPlane::revive() {
  thawApiServer();
  const auto runs = [this](const char* name) { return running_.contains(name) && running_[name].running(); };
  if (!runs("etcd")) startEtcd();
  if (!runs("kube-apiserver") || !ready()) startApiServer();
  // After an outage they look at some kinds of objects again only after a minute: no test shall wait for that.
  const bool anew = std::exchange(outage_, false);
  if (anew || !runs("kube-controller-manager")) startControllerManager();
  if (anew || !runs("kube-scheduler")) startScheduler();
}

// Ends the one that ran before.
void ControlPlane::startProgram(const std::string& name, Command command) {
  running_.erase(name);
  if (fs::exists(programs_ / name)) command.front() = (programs_ / name).string();
  running_[name] = Process(command, logOf(name).string());
}

void ControlPlane::startEtcd() {
  startProgram("etcd", etcdCommand(ports_, dir_ / "etcd"));
}

void ControlPlane::startApiServer() {
  const fs::path policy = dir_ / "audit-policy.yaml";
  std::ofstream(policy) << kAuditPolicy;
  Command command = apiServerCommand(ports_, *credentials_);
  command.push_back("--audit-policy-file=" + policy.string());
  command.push_back("--audit-log-path=" + auditLog().string());
  startProgram("kube-apiserver", command);
  waitFor("kube-apiserver", "/readyz", &ControlPlane::ready);
}

void ControlPlane::startControllerManager() {
  startProgram("kube-controller-manager", controllerManagerCommand(*credentials_));
}

void ControlPlane::startScheduler() {
  startProgram("kube-scheduler", schedulerCommand(*credentials_));
}

void ControlPlane::stopApiServer() {
  outage_ = true;
  thawApiServer();
  running_["kube-apiserver"].signal(SIGTERM);
  running_["kube-apiserver"].waitExit(std::chrono::seconds(5));
  running_.erase("kube-apiserver");
}
void ControlPlane::killApiServer() {
  outage_ = true;
  running_.erase("kube-apiserver");
}
void ControlPlane::freezeApiServer() {
  outage_ = true;
  running_["kube-apiserver"].signal(SIGSTOP);
}
void ControlPlane::thawApiServer() {
  if (running_.contains("kube-apiserver")) running_["kube-apiserver"].signal(SIGCONT);
}

bool ControlPlane::ready() const {
  return listens(ports_.apiServer) && kubectl({"get", "--raw", "/readyz", "--request-timeout=2s"}).output == "ok";
}

// Made by the controllers for every namespace; pods are refused before.
bool ControlPlane::controllersWork() const {
  return kubectl({"get", "serviceaccount", "default", "-o", "name"}).ok();
}

void ControlPlane::waitFor(const std::string& program, const std::string& what, bool (ControlPlane::*holds)() const) {
  bool ended = false;
  bool held = static_cast<bool>(eventually(what, kStartLimit, [&] {
    ended = !running_[program].running();
    return ended || (this->*holds)() ? std::string() : "not yet";
  }));
  if (ended) throw std::runtime_error(crashed());
  if (!held) throw std::runtime_error("no " + what + "\n" + lastWords(logOf(program)));
}

// What kubeadm gives bootstrappers and nodes, and the API server's right to use the nodes' own APIs.
void ControlPlane::applyRoles() const {
  const std::string approve = "system:certificates.k8s.io:certificatesigningrequests:";
  // This version's role does not know what newer kubelets serve.
  const json newer = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
                      {"kind", "ClusterRole"},
                      {"metadata", {{"name", "test:kubelet-api-newer"}}},
                      {"rules", json::array({{{"apiGroups", {""}},
                                              {"resources", {"nodes/checkpoint", "nodes/configz", "nodes/statusz"}},
                                              {"verbs", {"*"}}}})}};
  json roles = {
      {"apiVersion", "v1"},
      {"kind", "List"},
      {"items",
       {newer, clusterRoleBinding("test:kubelet-api-newer", "test:kubelet-api-newer", "User", kApiServerClient),
        clusterRoleBinding("test:kubelet-api-admin", "system:kubelet-api-admin", "User", kApiServerClient),
        clusterRoleBinding("test:node-bootstrapper", "system:node-bootstrapper", "Group", kBootstrapGroup),
        clusterRoleBinding("test:approve-bootstrap", approve + "nodeclient", "Group", kBootstrapGroup),
        clusterRoleBinding("test:approve-rotation", approve + "selfnodeclient", "Group", "system:nodes")}}};
  apply(roles);
}

void ControlPlane::rewriteStored(const std::string& key, const std::map<std::string, std::string>& texts) const {
  constexpr char kScript[] = R"(
import base64, json, sys, urllib.request
def ask(what, **fields):
    body = json.dumps({name: base64.b64encode(value).decode() for name, value in fields.items()}).encode()
    return json.load(urllib.request.urlopen(sys.argv[1] + "/v3/kv/" + what, body))
key = sys.argv[2].encode()
value = base64.b64decode(ask("range", key=key)["kvs"][0]["value"])
for old, new in zip(sys.argv[3::2], sys.argv[4::2]):
    assert len(old) == len(new) and old.encode() in value, old
    value = value.replace(old.encode(), new.encode())
ask("put", key=key, value=value)
)";
  std::vector<std::string> command = {"python3", "-c", kScript, "http://127.0.0.1:" + std::to_string(ports_.etcd), key};
  for (const auto& [old, next] : texts) command.insert(command.end(), {old, next});
  if (Finished done = run(command); !done.ok()) throw std::runtime_error("rewriting " + key + ": " + done.errors);
}

std::vector<ControlPlane::Request> ControlPlane::nodeRequests() const {
  std::vector<Request> requests;
  std::ifstream log(auditLog());
  for (std::string line; std::getline(log, line);) {
    const json entry = json::parse(line, nullptr, false);
    if (entry.is_discarded()) continue;  // still being written
    const bool isWatch = entry.value("verb", "") == "watch";
    if (isWatch != (entry.value("stage", "") == "ResponseStarted")) continue;
    requests.push_back({.verb = entry.value("verb", ""),
                        .path = entry.value("requestURI", ""),
                        .code = entry.value("responseStatus", json::object()).value("code", 0)});
  }
  return requests;
}

std::vector<fs::path> ControlPlane::logs() const {
  std::vector<fs::path> files;
  files.reserve(kPrograms.size());
  for (const char* name : kPrograms) files.push_back(logOf(name));
  return files;
}

std::string ControlPlane::endOfLogs() const {
  std::string text;
  for (const fs::path& log : logs()) text += "--- " + log.stem().string() + "\n" + lastWords(log);
  return text;
}

}  // namespace cubelet::integration
