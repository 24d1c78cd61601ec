#include "integration/harness/components.h"

#include <algorithm>
#include <fstream>
#include <netinet/in.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

bool isFree(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return free;
}

// The first behind the ports to choose from: below those that connections get (an API server that was stopped for a
// while must find its port free again) and below those of services.
int endOfChoice() {
  int ofConnections = 0;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> ofConnections;
  constexpr int kOfServices = 30000;
  return ofConnections > 12000 ? std::min(ofConnections, kOfServices) : kOfServices;
}

}  // namespace

ClusterPorts chooseClusterPorts() {
  // At random, so that two test programs at the same time do not meet.
  std::random_device seed;
  std::uniform_int_distribution<int> some(endOfChoice() - 10000, endOfChoice() - 3);
  for (int tries = 0; tries < 100; ++tries) {
    int port = some(seed);
    if (isFree(port) && isFree(port + 1) && isFree(port + 2))
      return {.etcd = port, .etcdPeer = port + 1, .apiServer = port + 2};
  }
  throw std::runtime_error("no free ports");
}

int choosePort() {
  return chooseClusterPorts().etcd;
}

Command etcdCommand(const ClusterPorts& ports, const fs::path& data) {
  const std::string client = "http://127.0.0.1:" + std::to_string(ports.etcd);
  const std::string peer = "http://127.0.0.1:" + std::to_string(ports.etcdPeer);
  return {"etcd",
          "--data-dir=" + data.string(),
          "--unsafe-no-fsync",
          "--listen-client-urls=" + client,
          "--advertise-client-urls=" + client,
          "--listen-peer-urls=" + peer,
          "--initial-advertise-peer-urls=" + peer,
          "--initial-cluster=default=" + peer};
}

Command apiServerCommand(const ClusterPorts& ports, const ClusterCredentials& credentials) {
  return {
      "kube-apiserver", "--etcd-servers=http://127.0.0.1:" + std::to_string(ports.etcd), "--bind-address=127.0.0.1",
      "--secure-port=" + std::to_string(ports.apiServer),
      // The address to advertise must not be a loopback one, and there may be no other: nobody shall connect there.
      "--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none",
      "--tls-cert-file=" + credentials.apiServer.certificate.string(),
      "--tls-private-key-file=" + credentials.apiServer.key.string(),
      "--client-ca-file=" + credentials.authority().pair().certificate.string(),
      "--kubelet-client-certificate=" + credentials.apiServerClient.certificate.string(),
      "--kubelet-client-key=" + credentials.apiServerClient.key.string(),
      "--kubelet-preferred-address-types=InternalIP,Hostname",
      "--service-account-key-file=" + credentials.serviceAccounts.open.string(),
      "--service-account-signing-key-file=" + credentials.serviceAccounts.secret.string(),
      "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16",
      "--token-auth-file=" + credentials.tokens.string(), "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
      "--feature-gates=EphemeralContainers=true,GenericEphemeralVolume=true",  // alpha in this version
  };
}

Command controllerManagerCommand(const ClusterCredentials& credentials) {
  const KeyPair& authority = credentials.authority().pair();
  return {"kube-controller-manager",
          "--kubeconfig=" + credentials.controllerManager.string(),
          "--port=0",
          "--secure-port=0",
          "--service-account-private-key-file=" + credentials.serviceAccounts.secret.string(),
          "--root-ca-file=" + authority.certificate.string(),
          "--use-service-account-credentials=true",
          "--cluster-signing-cert-file=" + authority.certificate.string(),
          "--cluster-signing-key-file=" + authority.key.string(),
          "--feature-gates=GenericEphemeralVolume=true",
          "--leader-elect=false"};
}

Command schedulerCommand(const ClusterCredentials& credentials) {
  return {"kube-scheduler", "--kubeconfig=" + credentials.scheduler.string(), "--port=0", "--secure-port=0",
          "--leader-elect=false"};
}

}  // namespace cubelet::integration
