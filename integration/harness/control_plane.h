// A real control plane for tests: etcd, kube-apiserver, kube-controller-manager and kube-scheduler as plain processes
// on free ports of 127.0.0.1, with the Node and RBAC authorizers and NodeRestriction.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "integration/harness/components.h"
#include "integration/harness/credentials.h"
#include "integration/harness/kubectl.h"
#include "integration/harness/process.h"

namespace cubelet::integration {

// Its kubectl is the cluster administrator's. Throws std::runtime_error, with the end of the log that tells why, when a
// step fails.
class ControlPlane : public Kubectl {
 public:
  // Everything lies below `dir`, which it makes and removes. Does not start it.
  explicit ControlPlane(std::filesystem::path dir);
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;
  ~ControlPlane();

  // Why it cannot run here ("no etcd ..."), or empty.
  static std::string missing();

  // All four. Returns when the API server is ready, the RBAC objects are there and the controllers work.
  void start();
  // Names the programs that ended though nobody here ended them, with what their logs say last; empty when none did.
  std::string crashed();
  // Makes all four run again, whatever was done to them, and returns when the API server is ready. Its clients begin
  // anew when it was away.
  void revive();

  // The API server alone. It keeps its address; startApiServer() returns when it is ready.
  void startApiServer();
  // SIGTERM: it takes no more connections; SIGKILL five seconds later, since it would wait a minute for the watches.
  void stopApiServer();
  void killApiServer();    // SIGKILL
  void freezeApiServer();  // SIGSTOP: connections stay open, nothing answers
  void thawApiServer();    // SIGCONT
  bool ready() const;      // what /readyz says

  // What nodes have asked of the API server so far, oldest first, each once it was answered; a watch counts when it
  // begins. Holds nothing for a request that never reached it.
  struct Request {
    std::string verb;  // get, list, watch, create, update, patch, delete
    std::string path;  // with its query
    int code = 0;
  };
  std::vector<Request> nodeRequests() const;

  // Changes an object where etcd has it, past all checks of the API server, which tells its watchers of it. Each text
  // becomes another one of the same length.
  void rewriteStored(const std::string& key, const std::map<std::string, std::string>& texts) const;

  std::filesystem::path adminKubeconfig() const { return dir_ / "admin.conf"; }
  void writeNodeKubeconfig(const std::filesystem::path& file, const std::string& node, int days = 365) const {
    credentials_->writeNodeKubeconfig(file, node, days);
  }
  void writeBootstrapKubeconfig(const std::filesystem::path& file) const {
    credentials_->writeBootstrapKubeconfig(file);
  }

  std::string url() const { return ports_.url(); }
  const CertificateAuthority& authority() const { return credentials_->authority(); }
  std::filesystem::path dir() const { return dir_; }
  // For a failed test: the end of each log, from where the program says that it dies if it does.
  std::string endOfLogs() const;
  std::vector<std::filesystem::path> logs() const;

 private:
  void startEtcd();
  void startControllerManager();
  void startScheduler();
  void applyRoles() const;
  void startProgram(const std::string& name, Command command);
  std::filesystem::path auditLog() const { return dir_ / "audit.log"; }
  std::filesystem::path logOf(const std::string& name) const { return dir_ / (name + ".log"); }
  // Looks until it holds; throws when the program ends before or it takes too long.
  void waitFor(const std::string& program, const std::string& what, bool (ControlPlane::*holds)() const);
  bool controllersWork() const;

  std::filesystem::path dir_;
  std::filesystem::path programs_;
  ClusterPorts ports_;
  std::optional<ClusterCredentials> credentials_;
  // By name; one that was ended on purpose is not among them.
  std::map<std::string, Process> running_;
  bool outage_ = false;  // the API server was away since its clients began
};

}  // namespace cubelet::integration
