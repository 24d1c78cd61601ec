#include "kubelet/config/effective_flags.h"

#include <gtest/gtest.h>

namespace cubelet::config {
namespace {

std::map<std::string, std::string> flagsOf(const std::vector<std::string>& args, const std::string& file = "") {
  Environment environment;
  environment.readFile = [&](const std::string&) -> Result<std::string> {
    return std::string("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n") + file;
  };
  environment.workingDirectory = "/";
  environment.hostname = "n";
  const Result<Effective> effective = load(args, environment);
  EXPECT_TRUE(effective) << effective.error().message;
  return effective ? effectiveFlags(*effective) : std::map<std::string, std::string>();
}

TEST(EffectiveFlags, SRV_3_HaveTheNotationOfACommandLine) {
  std::map<std::string, std::string> flags = flagsOf({"--config=/c.yaml", "--node-labels=a=1,b=2", "--max-pods=7"},
                                                     "clusterDNS: [10.0.0.10, 10.0.0.11]\n"
                                                     "evictionHard: {memory.available: 1Gi}\n"
                                                     "authentication: {webhook: {cacheTTL: 90s}}\n"
                                                     "readOnlyPort: 10255\n");
  EXPECT_EQ(flags.at("config"), "/c.yaml");
  EXPECT_EQ(flags.at("node-labels"), "a=1,b=2");
  EXPECT_EQ(flags.at("max-pods"), "7");
  EXPECT_EQ(flags.at("cluster-dns"), "[10.0.0.10,10.0.0.11]");
  EXPECT_EQ(flags.at("eviction-hard"), "memory.available=1Gi");
  EXPECT_EQ(flags.at("authentication-token-webhook-cache-ttl"), "1m30s");
  EXPECT_EQ(flags.at("read-only-port"), "10255") << "a file's value counts as well";
  EXPECT_EQ(flags.at("exit-on-lock-contention"), "false");
  EXPECT_EQ(flags.at("minimum-container-ttl-duration"), "0s");
}

TEST(EffectiveFlags, SecretsAreMasked) {
  std::map<std::string, std::string> flags =
      flagsOf({"--config=/c.yaml"}, "staticPodURL: http://m\nstaticPodURLHeader: {Authorization: [Bearer secret]}\n");
  EXPECT_EQ(flags.at("manifest-url-header").find("secret"), std::string::npos);
  for (const auto& [name, value] : flags) EXPECT_EQ(value.find("Bearer secret"), std::string::npos) << name;
}

}  // namespace
}  // namespace cubelet::config
