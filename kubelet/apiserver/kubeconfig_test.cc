#include "kubelet/apiserver/kubeconfig.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/temp_dir.h"

namespace cubelet::apiserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr char kPath[] = "/etc/kubernetes/kubelet.conf";

struct Parsed {
  Result<ClientConfig> config;
  std::vector<std::string> warnings;
};

Parsed parse(const std::string& text) {
  std::vector<std::string> warnings;
  Result<ClientConfig> config = parseKubeconfig(kPath, text, warnings);
  return {std::move(config), std::move(warnings)};
}

// A file whose cluster and user are the given lines.
std::string file(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "clusters:\n- name: c\n  cluster: " +
         cluster +
         "\n"
         "contexts:\n- name: here\n  context: {cluster: c, user: u}\n"
         "users:\n- name: u\n  user: " +
         user + "\n";
}

constexpr char kServer[] = R"({server: "https://10.0.0.1:6443"})";

TEST(Kubeconfig, ReadsWhatKubeadmWrites) {
  Parsed parsed = parse(R"(apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0EK
    server: https://10.0.0.1:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: system:node:n1
    namespace: default
  name: system:node:n1@kubernetes
current-context: system:node:n1@kubernetes
kind: Config
preferences: {}
users:
- name: system:node:n1
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
)");
  ASSERT_TRUE(parsed.config) << parsed.config.error().message;
  EXPECT_THAT(parsed.warnings, IsEmpty());
  const ClientConfig& config = *parsed.config;
  EXPECT_EQ(config.server, (ServerUrl{true, "10.0.0.1", 6443, ""}));
  EXPECT_EQ(config.certificateAuthority, (Pem{"", "CA\n"}));
  EXPECT_EQ(config.clientCertificate, (Pem{"/var/lib/kubelet/pki/kubelet-client-current.pem", ""}));
  EXPECT_EQ(config.clientKey, config.clientCertificate);
  EXPECT_EQ(config.ns, "default");
  EXPECT_EQ(config.source, kPath);
  EXPECT_FALSE(config.exec);
}

TEST(Kubeconfig, ReadsJson) {
  Parsed parsed = parse(R"({"kind":"Config","apiVersion":"v1","current-context":"a",
    "clusters":[{"name":"b","cluster":{"server":"http://[::1]:8080/x/","proxy-url":"socks5://p:1",
                 "tls-server-name":"api","disable-compression":true}}],
    "contexts":[{"name":"a","context":{"cluster":"b","user":"c"}}],"users":[{"name":"c","user":{"token":"t"}}]})");
  ASSERT_TRUE(parsed.config) << parsed.config.error().message;
  EXPECT_EQ(parsed.config->server, (ServerUrl{false, "[::1]", 8080, "/x"}));
  EXPECT_EQ(parsed.config->proxyUrl, "socks5://p:1");
  EXPECT_EQ(parsed.config->tlsServerName, "api");
  EXPECT_TRUE(parsed.config->disableCompression);
  EXPECT_EQ(parsed.config->token, "t");
}

TEST(Kubeconfig, PathsAreRelativeToTheFile) {
  Parsed parsed = parse(file("{server: \"https://a\", certificate-authority: pki/ca.crt}",
                             "{client-certificate: ../c.pem, client-key: /k.pem, tokenFile: token, exec: {command: "
                             "./plugin, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}}"));
  ASSERT_TRUE(parsed.config) << parsed.config.error().message;
  EXPECT_EQ(parsed.config->certificateAuthority.file, "/etc/kubernetes/pki/ca.crt");
  EXPECT_EQ(parsed.config->clientCertificate.file, "/etc/c.pem");
  EXPECT_EQ(parsed.config->clientKey.file, "/k.pem");
  EXPECT_EQ(parsed.config->tokenFile, "/etc/kubernetes/token");
  EXPECT_EQ(parsed.config->exec->command, "/etc/kubernetes/plugin");
}

TEST(Kubeconfig, DataWinsOverFiles) {
  Parsed parsed = parse(file("{server: \"https://a\", certificate-authority: f, certificate-authority-data: QQ==}",
                             "{client-certificate: f, client-certificate-data: Qg==, client-key: f, "
                             "client-key-data: Qw==}"));
  ASSERT_TRUE(parsed.config) << parsed.config.error().message;
  EXPECT_EQ(parsed.config->certificateAuthority, (Pem{"", "A"}));
  EXPECT_EQ(parsed.config->clientCertificate, (Pem{"", "B"}));
  EXPECT_EQ(parsed.config->clientKey, (Pem{"", "C"}));
}

TEST(Kubeconfig, ReadsAnExecPlugin) {
  Parsed parsed = parse(file(R"({server: "https://a", extensions: [{name: client.authentication.k8s.io/exec,
                             extension: {audience: x}}]})",
                             R"({exec: {command: get-token, args: [a, "b c"], env: [{name: K, value: v}],
                             apiVersion: client.authentication.k8s.io/v1beta1, provideClusterInfo: true,
                             installHint: "install it"}})"));
  ASSERT_TRUE(parsed.config) << parsed.config.error().message;
  const ExecPlugin& exec = *parsed.config->exec;
  EXPECT_EQ(exec.command, "get-token");
  EXPECT_THAT(exec.args, ElementsAre("a", "b c"));
  EXPECT_THAT(exec.env, ElementsAre(Pair("K", "v")));
  EXPECT_EQ(exec.clusterConfig, R"({"audience":"x"})");
  EXPECT_TRUE(exec.provideClusterInfo);
  EXPECT_EQ(exec.installHint, "install it");
}

TEST(Kubeconfig, UnknownFieldsOnlyWarn) {
  Parsed parsed = parse(file(R"({server: "https://a", colour: red})", "{token: t}"));
  ASSERT_TRUE(parsed.config) << parsed.config.error().message;
  EXPECT_THAT(parsed.warnings,
              ElementsAre("/etc/kubernetes/kubelet.conf:6: clusters[0].cluster.colour: unknown field"));
}

TEST(Kubeconfig, OnlyTheCurrentContextIsChecked) {
  std::string text = file(kServer, "{token: t}");
  text += "- name: broken\n  user: {client-key: k}\n";
  EXPECT_TRUE(parse(text).config);
}

struct Refusal {
  std::string name;
  std::string text;
  std::vector<std::string> says;
};

class RefusesKubeconfig : public testing::TestWithParam<Refusal> {};

TEST_P(RefusesKubeconfig, WithFileLineAndAdvice) {
  Parsed parsed = parse(GetParam().text);
  ASSERT_FALSE(parsed.config);
  EXPECT_EQ(parsed.config.error().code, Code::kInvalid);
  for (const std::string& words : GetParam().says) EXPECT_THAT(parsed.config.error().message, HasSubstr(words));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, RefusesKubeconfig,
    testing::Values(
        Refusal{"Empty", "", {"/etc/kubernetes/kubelet.conf: the file is empty"}},
        Refusal{"NoYaml", "a: [", {"/etc/kubernetes/kubelet.conf:"}},
        Refusal{"OtherKind", "kind: Pod\napiVersion: v1\n", {":1: kind: \"Pod\" is not known here, must be Config"}},
        Refusal{"NoCurrentContext",
                "contexts:\n- {name: a}\n- {name: b}\n",
                {"current-context: missing: must name one of the contexts (a, b)"}},
        Refusal{"UnknownContext", "current-context: x\n", {":1: current-context: \"x\" is not among the contexts"}},
        Refusal{"UnknownClusterAndUser",
                "current-context: x\ncontexts:\n- name: x\n  context:\n    cluster: c\n",
                {":5: contexts[0].context.cluster: \"c\" is not among the clusters (there are none)",
                 ":4: contexts[0].context.user: missing: must be one of the users"}},
        Refusal{"NameTwice", file(kServer, "{token: t}") + "- name: u\n", {":13: users[1].name: \"u\" is there twice"}},
        Refusal{"NoServer", file("{}", "{token: t}"), {":6: clusters[0].cluster.server: missing"}},
        Refusal{"NoScheme", file("{server: \"10.0.0.1:6443\"}", "{}"), {"server: must begin with https:// or http://"}},
        Refusal{"BadPort", file("{server: \"https://a:70000\"}", "{}"), {"the port must be a number"}},
        Refusal{"BadHost", file("{server: \"https://::1\"}", "{}"), {"IPv6 addresses in brackets"}},
        Refusal{"UserInUrl", file("{server: \"https://u:p@a\"}", "{}"), {"nothing else"}},
        Refusal{"InsecureWithAuthority",
                file("{server: \"https://a\", insecure-skip-tls-verify: true, certificate-authority: x}", "{}"),
                {"insecure-skip-tls-verify: cannot be true with a certificate authority"}},
        Refusal{"BadProxy", file("{server: \"https://a\", proxy-url: \"ftp://x\"}", "{}"), {"proxy-url: must begin"}},
        Refusal{"CertificateWithoutKey",
                file(kServer, "{client-certificate: a}"),
                {":12: users[0].user: the client certificate lacks its key"}},
        Refusal{"KeyWithoutCertificate", file(kServer, "{client-key: a}"), {"client-key without client-certificate"}},
        Refusal{"TokenAndPassword", file(kServer, "{token: a, username: b}"), {"only one of the two can be sent"}},
        Refusal{"TokenWithLineEnd", file(kServer, "{token: \"a\\r\\nX: y\"}"), {"user.token: must not hold line ends"}},
        Refusal{"BadBase64",
                file(kServer, "{client-certificate-data: \"!\"}"),
                {":12: users[0].user.client-certificate-data: not valid base64"}},
        Refusal{"AuthProvider", file(kServer, "{auth-provider: {name: oidc}}"), {"auth-provider: is not supported"}},
        Refusal{"Impersonation", file(kServer, "{as-groups: [a]}"), {"acting as another user is not supported"}},
        Refusal{"ExecWithoutCommand",
                file(kServer, "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}}"),
                {"exec.command: missing"}},
        Refusal{"ExecOldVersion",
                file(kServer, "{exec: {command: a, apiVersion: client.authentication.k8s.io/v1alpha1}}"),
                {"v1alpha1\" is not known, must be client.authentication.k8s.io/v1 or v1beta1"}},
        Refusal{"ExecWithoutMode",
                file(kServer, "{exec: {command: a, apiVersion: client.authentication.k8s.io/v1}}"),
                {"interactiveMode: missing"}},
        Refusal{"ExecThatAsks",
                file(kServer,
                     "{exec: {command: a, apiVersion: client.authentication.k8s.io/v1, "
                     "interactiveMode: Always}}"),
                {"an agent has no terminal"}}),
    [](const auto& test) { return test.param.name; });

TEST(Kubeconfig, AnUnreadableFileIsNamed) {
  TempDir dir;
  std::vector<std::string> warnings;
  Result<ClientConfig> none = readKubeconfig(dir / "none", warnings);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr(dir / "none"));
  std::ofstream(dir / "some") << file(kServer, "{token: t}");
  EXPECT_TRUE(readKubeconfig(dir / "some", warnings));
}

TEST(Kubeconfig, TheWrittenOneLeadsToTheSameServerWithTheCertificate) {
  ClientConfig bootstrap;
  bootstrap.server = {true, "[fd00::1]", 6443, ""};
  bootstrap.certificateAuthority = {"", "-----BEGIN CERTIFICATE-----\n"};
  bootstrap.tlsServerName = "api";
  bootstrap.proxyUrl = "http://p:3128";
  bootstrap.token = "secret";
  const std::string text = kubeconfigWithCertificate(bootstrap, "/pki/kubelet-client-current.pem");
  EXPECT_THAT(text, testing::StartsWith("apiVersion: v1\nkind: Config\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(text, HasSubstr("name: default-cluster"));
  EXPECT_THAT(text, HasSubstr("current-context: default-context"));
  Parsed parsed = parse(text);
  ASSERT_TRUE(parsed.config) << parsed.config.error().message << "\n" << text;
  EXPECT_THAT(parsed.warnings, IsEmpty());
  EXPECT_EQ(parsed.config->server, bootstrap.server);
  EXPECT_EQ(parsed.config->certificateAuthority, bootstrap.certificateAuthority);
  EXPECT_EQ(parsed.config->tlsServerName, "api");
  EXPECT_EQ(parsed.config->proxyUrl, "http://p:3128");
  EXPECT_EQ(parsed.config->clientCertificate.file, "/pki/kubelet-client-current.pem");
  EXPECT_EQ(parsed.config->clientKey.file, "/pki/kubelet-client-current.pem");
  EXPECT_EQ(parsed.config->ns, "default");

  bootstrap.certificateAuthority = {"/ca.crt", ""};
  EXPECT_THAT(kubeconfigWithCertificate(bootstrap, "/p"), HasSubstr("certificate-authority: /ca.crt"));
}

}  // namespace
}  // namespace cubelet::apiserver
