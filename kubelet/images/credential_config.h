// Which programs give credentials for image pulls: --image-credential-provider-config (CFG-22).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kubelet/apiserver/run_program.h"
#include "proto/kubelet/credential_provider.pb.h"

namespace cubelet::images {

// What a provider wants to know of the pod's service account (KEP-4412).
struct TokenUse {
  std::string audience;                          // of the token that it is shown
  bool keptByToken = false;                      // answers hold for one token; else for the account
  bool required = false;                         // it is for pods with a service account only
  std::vector<std::string> requiredAnnotations;  // of the account; without one of them the provider is not asked
  std::vector<std::string> optionalAnnotations;
};

struct CredentialProvider {
  std::string name;
  apiserver::Program program;            // without its input
  std::vector<std::string> matchImages;  // keys as those of a Keyring: "*.registry.test/team"
  Duration defaultCacheDuration{0};      // 0: answers that say nothing are not kept
  std::string apiVersion;                // of request and answer
  std::optional<TokenUse> tokens;        // nothing: it is the same for all pods
};

// The providers in the file at `path`, or in all *.json, *.yaml and *.yml of that directory, in order of their names;
// each program is <binDir>/<name> and must be there. kInvalid: the message names the file, the line where possible, and
// all that is wrong. Without `tokensAllowed` (feature KubeletServiceAccountTokenForCredentialProviders) tokenAttributes
// are refused.
Result<std::vector<CredentialProvider>> readCredentialProviders(const std::string& path, const std::string& binDir,
                                                                bool tokensAllowed = true);

// What a provider is told of the pod's service account.
struct AccountProof {
  std::string token;
  std::map<std::string, std::string> annotations;  // those that it wants to know
};
// What a provider is told on its stdin. `proof` null: nothing of any account.
std::string credentialRequest(const CredentialProvider& provider, const std::string& image,
                              const AccountProof* proof = nullptr);

// What it printed. kInvalid when that is no usable answer; the message quotes nothing.
Result<::kubelet::credentialprovider::v1::CredentialProviderResponse> parseCredentialResponse(
    const CredentialProvider& provider, const std::string& text);

}  // namespace cubelet::images
