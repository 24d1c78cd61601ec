#include "kubelet/apiserver/kubeconfig.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "base/files.h"
#include "kubelet/api/codec.h"
#include "proto/kubelet/kubeconfig.pb.h"

namespace cubelet::apiserver {
namespace {

namespace clientconfig = ::kubelet::clientconfig::v1;
using api::Problem;

constexpr std::size_t kMaxBytes = std::size_t{10} << 20;
constexpr std::string_view kExecExtension = "client.authentication.k8s.io/exec";

// ---- From text to the message

std::optional<api::Document> onlyDocument(std::string_view text, std::vector<Problem>& problems) {
  std::vector<api::Document> documents = api::parseDocuments(text, api::ParseLimits{.maxBytes = kMaxBytes}, problems);
  if (std::ranges::any_of(problems, &Problem::fatal)) return std::nullopt;
  if (documents.empty()) {
    problems.push_back({0, "", "the file is empty: it must hold a kubeconfig", true});
    return std::nullopt;
  }
  if (documents.size() > 1)
    problems.push_back({documents[1].line, "", "only the first document of the file counts", false});
  return std::move(documents.front());
}

void checkKind(const api::Document& document, std::vector<Problem>& problems) {
  auto check = [&](const char* field, const std::string& have, const char* want) {
    if (have.empty() || have == want) return;
    problems.push_back(
        {api::lineOf(document, field), field, "\"" + have + "\" is not known here, must be " + want, true});
  };
  check("apiVersion", document.apiVersion, "v1");
  check("kind", document.kind, "Config");
}

// ---- From the message to what it comes to

class Resolver {
 public:
  Resolver(const std::string& path, const api::Document& document, const clientconfig::Config& config,
           std::vector<Problem>& problems)
      : document_(document), config_(config), problems_(problems) {
    std::error_code unknown;
    const std::filesystem::path absolute = std::filesystem::absolute(path, unknown);
    directory_ = (unknown ? std::filesystem::path(path) : absolute).parent_path();
    out_.source = path;
  }

  ClientConfig resolve() {
    index(config_.clusters(), "clusters", clusters_);
    index(config_.contexts(), "contexts", contexts_);
    index(config_.users(), "users", users_);
    if (const std::optional<int> context = currentContext()) useContext(*context);
    return std::move(out_);
  }

 private:
  using Index = std::map<std::string, int>;

  void bad(const std::string& path, std::string message) {
    problems_.push_back({api::lineOf(document_, path), path, std::move(message), true});
  }

  template <class Entries>
  void index(const Entries& entries, const std::string& list, Index& index) {
    for (int i = 0; i < entries.size(); ++i)
      if (!index.emplace(entries[i].name(), i).second)
        bad(list + "[" + std::to_string(i) + "].name",
            "\"" + entries[i].name() + "\" is there twice, keep one of them");
  }

  std::optional<int> currentContext() {
    const std::string& name = config_.current_context();
    if (name.empty()) {
      bad("current-context", "missing: must name one of the contexts" + choices(contexts_));
      return std::nullopt;
    }
    return find(contexts_, name, "current-context", "contexts");
  }

  std::optional<int> find(const Index& index, const std::string& name, const std::string& where, const char* list) {
    const auto found = index.find(name);
    if (found != index.end()) return found->second;
    bad(where, name.empty() ? std::string("missing: must be one of the ") + list + choices(index)
                            : "\"" + name + "\" is not among the " + list + choices(index));
    return std::nullopt;
  }

  static std::string choices(const Index& index) {
    std::string names;
    for (const auto& [name, position] : index) names += (names.empty() ? "" : ", ") + name;
    return " (" + (names.empty() ? "there are none" : names) + ")";
  }

  void useContext(int position) {
    const std::string path = "contexts[" + std::to_string(position) + "].context";
    const clientconfig::Context& context = config_.contexts(position).context();
    out_.ns = context.namespace_();
    if (const auto cluster = find(clusters_, context.cluster(), path + ".cluster", "clusters")) useCluster(*cluster);
    if (const auto user = find(users_, context.user(), path + ".user", "users")) useUser(*user);
  }

  void useCluster(int position) {
    const std::string path = "clusters[" + std::to_string(position) + "].cluster";
    const clientconfig::Cluster& cluster = config_.clusters(position).cluster();
    Result<ServerUrl> server = parseServerUrl(cluster.server());
    if (server)
      out_.server = *server;
    else
      bad(path + ".server", server.error().message);
    out_.certificateAuthority = pem(cluster.certificate_authority(), cluster.certificate_authority_data());
    out_.insecureSkipTlsVerify = cluster.insecure_skip_tls_verify();
    if (out_.insecureSkipTlsVerify && !out_.certificateAuthority.empty())
      bad(path + ".insecure-skip-tls-verify", "cannot be true with a certificate authority: remove one of them");
    out_.tlsServerName = cluster.tls_server_name();
    useProxy(path + ".proxy-url", cluster.proxy_url());
    out_.disableCompression = cluster.disable_compression();
    for (const clientconfig::NamedExtension& extension : cluster.extensions())
      if (extension.name() == kExecExtension) execConfig_ = extension.extension().raw();
  }

  void useProxy(const std::string& path, const std::string& url) {
    static constexpr std::string_view kSchemes[] = {"http://", "https://", "socks5://", "socks5h://"};
    if (!url.empty() &&
        std::ranges::none_of(kSchemes, [&](std::string_view scheme) { return url.starts_with(scheme); }))
      bad(path, "must begin with http://, https://, socks5:// or socks5h://");
    out_.proxyUrl = url;
  }

  void useUser(int position) {
    const std::string path = "users[" + std::to_string(position) + "].user";
    const clientconfig::User& user = config_.users(position).user();
    refuseUnsupported(path, user);
    out_.clientCertificate = pem(user.client_certificate(), user.client_certificate_data());
    out_.clientKey = pem(user.client_key(), user.client_key_data());
    if (out_.clientKey.empty() != out_.clientCertificate.empty())
      bad(path, out_.clientKey.empty() ? "the client certificate lacks its key: set client-key or client-key-data"
                                       : "client-key without client-certificate or client-certificate-data");
    out_.token = user.token();
    out_.tokenFile = absolute(user.tokenfile());
    out_.username = user.username();
    out_.password = user.password();
    const bool hasToken = !out_.token.empty() || !out_.tokenFile.empty();
    if (hasToken && !out_.username.empty())
      bad(path + ".username", "there is a token too: only one of the two can be sent, remove one");
    if (!headerSafe(out_.token)) bad(path + ".token", "must not hold line ends or control characters");
    if (user.has_exec()) useExec(path + ".exec", user.exec());
  }

  static bool headerSafe(std::string_view value) {
    return std::ranges::all_of(value, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  }

  void refuseUnsupported(const std::string& path, const clientconfig::User& user) {
    if (user.has_auth_provider())
      bad(path + ".auth-provider", "is not supported: use exec, a token or a client certificate");
    if (user.has_as() || user.has_as_uid() || user.as_groups_size() > 0 || user.has_as_user_extra())
      bad(path + ".as", "acting as another user is not supported: use credentials of that user");
  }

  void useExec(const std::string& path, const clientconfig::Exec& exec) {
    static constexpr std::string_view kVersions[] = {"client.authentication.k8s.io/v1",
                                                     "client.authentication.k8s.io/v1beta1"};
    if (exec.command().empty()) bad(path + ".command", "missing: must name the program that prints credentials");
    if (std::ranges::find(kVersions, exec.apiversion()) == std::end(kVersions))
      bad(path + ".apiVersion",
          "\"" + exec.apiversion() + "\" is not known, must be " + std::string(kVersions[0]) + " or v1beta1");
    checkInteractiveMode(path + ".interactiveMode", exec, exec.apiversion() == kVersions[0]);
    ExecPlugin plugin;
    // As upstream: what has a slash is a path relative to this file, a bare name is looked up.
    plugin.command = exec.command().find('/') == std::string::npos ? exec.command() : absolute(exec.command());
    plugin.args.assign(exec.args().begin(), exec.args().end());
    for (int i = 0; i < exec.env_size(); ++i) {
      if (exec.env(i).name().empty()) bad(path + ".env[" + std::to_string(i) + "].name", "missing");
      plugin.env.emplace_back(exec.env(i).name(), exec.env(i).value());
    }
    plugin.apiVersion = exec.apiversion();
    plugin.installHint = exec.installhint();
    plugin.provideClusterInfo = exec.provideclusterinfo();
    plugin.clusterConfig = execConfig_;
    out_.exec = std::move(plugin);
  }

  void checkInteractiveMode(const std::string& path, const clientconfig::Exec& exec, bool required) {
    const std::string& mode = exec.interactivemode();
    if (mode == "Always")
      bad(path, "an agent has no terminal: the program must work with Never or IfAvailable");
    else if (mode != "Never" && mode != "IfAvailable" && (required || !mode.empty()))
      bad(path, mode.empty() ? "missing: must be Never or IfAvailable"
                             : "\"" + mode + "\" is not known, must be Never or IfAvailable");
  }

  Pem pem(const std::string& file, const std::string& data) const {
    return data.empty() ? Pem{absolute(file), ""} : Pem{"", data};
  }

  std::string absolute(const std::string& path) const {
    if (path.empty()) return "";
    return (directory_ / path).lexically_normal().string();
  }

  const api::Document& document_;
  const clientconfig::Config& config_;
  std::vector<Problem>& problems_;
  std::filesystem::path directory_;
  Index clusters_;
  Index contexts_;
  Index users_;
  std::string execConfig_;
  ClientConfig out_;
};

bool isHostCharacter(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == '-' || c == '_';
}

bool isHost(std::string_view host) {
  if (!host.starts_with('[')) return !host.empty() && std::ranges::all_of(host, isHostCharacter);
  if (!host.ends_with(']') || host.size() < 4) return false;
  const std::string_view address = host.substr(1, host.size() - 2);
  return std::ranges::all_of(address, [](char c) { return isHostCharacter(c) || c == ':' || c == '%'; });
}

std::unexpected<Error> badUrl(const char* message) {
  return fail(Code::kInvalid, "", message);
}

}  // namespace

std::string ServerUrl::text() const {
  return (tls ? "https://" : "http://") + host + ":" + std::to_string(port) + prefix;
}

Result<ServerUrl> parseServerUrl(std::string_view text) {
  ServerUrl url;
  if (text.empty()) return badUrl("missing: must be the address of the API server, such as https://10.0.0.1:6443");
  if (text.starts_with("https://")) {
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
    url.tls = false;
    url.port = 80;
  } else {
    return badUrl("must begin with https:// or http://");
  }
  if (text.find_first_of("?#@\\ \t") != std::string_view::npos)
    return badUrl("must be scheme, host, port and perhaps a path, nothing else");
  const std::size_t slash = std::min(text.find('/'), text.size());
  url.prefix = text.substr(slash);
  while (url.prefix.ends_with('/')) url.prefix.pop_back();
  std::string_view host = text.substr(0, slash);
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    const std::string_view digits = host.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (error != std::errc() || end != digits.data() + digits.size() || url.port == 0)
      return badUrl("the port must be a number from 1 to 65535");
    host = host.substr(0, colon);
  }
  if (!isHost(host)) return badUrl("the host must be a name or an address, IPv6 addresses in brackets");
  url.host = host;
  return url;
}

Result<ClientConfig> parseKubeconfig(const std::string& path, std::string_view text,
                                     std::vector<std::string>& warnings) {
  std::vector<Problem> problems;
  ClientConfig config;
  if (const std::optional<api::Document> document = onlyDocument(text, problems)) {
    checkKind(*document, problems);
    clientconfig::Config message;
    if (api::decode(*document, api::UnknownFields::kWarn, message, problems) &&
        std::ranges::none_of(problems, &Problem::fatal))
      config = Resolver(path, *document, message, problems).resolve();
  }
  std::string refused;
  for (const Problem& problem : problems)
    if (problem.fatal) refused += (refused.empty() ? "" : "\n") + problem.text(path);
  if (!refused.empty()) return fail(Code::kInvalid, "", refused);
  for (const Problem& problem : problems) warnings.push_back(problem.text(path));
  return config;
}

Result<ClientConfig> readKubeconfig(const std::string& path, std::vector<std::string>& warnings) {
  Result<std::string> text = readFile(path, kMaxBytes);
  if (!text) return fail(text.error().within("kubeconfig"));
  return parseKubeconfig(path, *text, warnings);
}

std::string kubeconfigWithCertificate(const ClientConfig& bootstrap, const std::string& pemFile) {
  clientconfig::Config config;
  clientconfig::NamedCluster& cluster = *config.add_clusters();
  cluster.set_name("default-cluster");
  clientconfig::Cluster& server = *cluster.mutable_cluster();
  server.set_server(bootstrap.server.text());
  if (!bootstrap.certificateAuthority.text.empty())
    server.set_certificate_authority_data(bootstrap.certificateAuthority.text);
  else if (!bootstrap.certificateAuthority.file.empty())
    server.set_certificate_authority(bootstrap.certificateAuthority.file);
  if (bootstrap.insecureSkipTlsVerify) server.set_insecure_skip_tls_verify(true);
  if (!bootstrap.tlsServerName.empty()) server.set_tls_server_name(bootstrap.tlsServerName);
  if (!bootstrap.proxyUrl.empty()) server.set_proxy_url(bootstrap.proxyUrl);
  if (bootstrap.disableCompression) server.set_disable_compression(true);

  clientconfig::NamedContext& context = *config.add_contexts();
  context.set_name("default-context");
  context.mutable_context()->set_cluster("default-cluster");
  context.mutable_context()->set_namespace_("default");
  context.mutable_context()->set_user("default-auth");
  config.set_current_context("default-context");

  clientconfig::NamedUser& user = *config.add_users();
  user.set_name("default-auth");
  user.mutable_user()->set_client_certificate(pemFile);
  user.mutable_user()->set_client_key(pemFile);
  return api::toYaml(config, {.apiVersion = "v1", .kind = "Config"});
}

}  // namespace cubelet::apiserver
