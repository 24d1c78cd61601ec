// Who is who in a test cluster: the authority, the components' certificates, and kubeconfigs.
#pragma once

#include <filesystem>
#include <string>

#include "integration/harness/certificates.h"

namespace cubelet::integration {

// The group of the bootstrap token's user, with the rights and automatic approvals that kubeadm gives it.
inline constexpr const char* kBootstrapGroup = "system:bootstrappers:kubeadm:default-node-token";
// As whom the API server uses the nodes' own APIs.
inline constexpr const char* kApiServerClient = "kube-apiserver-kubelet-client";

class ClusterCredentials {
 public:
  // Makes everything below `dir`, for an API server that answers at `url`. Throws std::runtime_error when that fails.
  ClusterCredentials(const std::filesystem::path& dir, std::string url);

  const CertificateAuthority& authority() const { return authority_; }
  const std::string& url() const { return url_; }

  KeyPair apiServer;             // what it shows to its clients
  KeyPair apiServerClient;       // what it shows to nodes
  SigningKey serviceAccounts;    // for their tokens
  std::filesystem::path tokens;  // the API server's list of static tokens: the bootstrap token
  std::filesystem::path admin;   // kubeconfigs, from here on
  std::filesystem::path controllerManager;
  std::filesystem::path scheduler;

  // The two writers also make what the file refers to. The first: with a client certificate of system:node:NODE, as
  // after a bootstrap; negative days: it has expired.
  void writeNodeKubeconfig(const std::filesystem::path& file, const std::string& node, int days = 365) const;
  void writeBootstrapKubeconfig(const std::filesystem::path& file) const;

 private:
  std::filesystem::path writeKubeconfig(const std::string& name, const Subject& subject) const;

  std::filesystem::path dir_;
  std::string url_;
  CertificateAuthority authority_;
};

}  // namespace cubelet::integration
