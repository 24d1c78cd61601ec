// Which programs give credentials for image pulls: --image-credential-provider-config (CFG-22).
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kubelet/apiserver/run_program.h"
#include "proto/kubelet/credential_provider.pb.h"

namespace cubelet::images {

struct CredentialProvider {
  std::string name;
  apiserver::Program program;            // without its input
  std::vector<std::string> matchImages;  // keys as those of a Keyring: "*.registry.test/team"
  Duration defaultCacheDuration{0};      // 0: answers that say nothing are not kept
  std::string apiVersion;                // of request and answer
};

// The providers in the file at `path`, or in all *.json, *.yaml and *.yml of that directory, in order of their names;
// each program is <binDir>/<name> and must be there. kInvalid: the message names the file, the line where possible, and
// all that is wrong. tokenAttributes are refused: tokens of service accounts are not handed to providers.
Result<std::vector<CredentialProvider>> readCredentialProviders(const std::string& path, const std::string& binDir);

// What a provider is told on its stdin.
std::string credentialRequest(const CredentialProvider& provider, const std::string& image);

// What it printed. kInvalid when that is no usable answer; the message quotes nothing.
Result<::kubelet::credentialprovider::v1::CredentialProviderResponse> parseCredentialResponse(
    const CredentialProvider& provider, const std::string& text);

}  // namespace cubelet::images
