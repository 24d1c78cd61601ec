#include "kubelet/images/pull_credentials.h"

#include <algorithm>
#include <cctype>
#include <fnmatch.h>
#include <functional>
#include <optional>

#include "kubelet/api/base64.h"
#include "kubelet/api/codec.h"
#include "kubelet/api/document.h"

namespace cubelet::images {
namespace {

constexpr char kConfigJsonType[] = "kubernetes.io/dockerconfigjson";
constexpr char kConfigJsonKey[] = ".dockerconfigjson";
constexpr char kOldConfigType[] = "kubernetes.io/dockercfg";
constexpr char kOldConfigKey[] = ".dockercfg";
constexpr char kHubHost[] = "docker.io";
constexpr char kHubKey[] = "index.docker.io";
constexpr std::size_t kMaxSecretBytes = 1 << 20;  // the API accepts no larger ones

std::unexpected<Error> bad(std::string message) {
  return fail(Code::kInvalid, "", std::move(message));
}

// ---- Names

struct Location {
  std::string_view host;
  std::string_view port;
  std::string_view path;  // with its slash
};

Location split(std::string_view text) {
  Location out;
  const std::size_t slash = std::min(text.find('/'), text.size());
  out.host = text.substr(0, slash);
  out.path = text.substr(slash);
  const std::size_t colon = out.host.rfind(':');
  const std::size_t bracket = out.host.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || bracket < colon)) {
    out.port = out.host.substr(colon + 1);
    out.host = out.host.substr(0, colon);
  }
  // An IPv6 address; its brackets would be taken for a glob.
  if (out.host.starts_with('[') && out.host.ends_with(']')) out.host = out.host.substr(1, out.host.size() - 2);
  return out;
}

std::vector<std::string> labels(std::string_view host) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t dot = host.find('.');
    out.emplace_back(host.substr(0, dot));
    if (dot == std::string_view::npos) return out;
    host.remove_prefix(dot + 1);
  }
}

// A key as people write it -> host, port and path; empty when nothing is left.
std::string keyOf(std::string_view location) {
  for (std::string_view scheme : {"https://", "http://"})
    if (location.starts_with(scheme)) {
      location.remove_prefix(scheme.size());
      break;
    }
  location = location.substr(0, location.find_first_of("?#"));
  const std::size_t slash = std::min(location.find('/'), location.size());
  std::string_view host = location.substr(0, slash);
  std::string_view path = location.substr(slash);
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  if (path.starts_with("/v1/") || path.starts_with("/v2/")) path.remove_prefix(3);
  if (path == "/") path = {};
  return std::string(host).append(path);
}

// ---- Content

std::string textOf(const api::Node& map, std::string_view key) {
  const api::Node::Entry* entry = map.find(key);
  const bool text = entry != nullptr && entry->value != nullptr && entry->value->kind == api::Node::Kind::kString;
  return text ? entry->value->text : std::string();
}

// "user:password" in base64, with or without its padding.
std::optional<Login> decodeLogin(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.pop_back();
  if (!text.ends_with('=')) text.append((4 - text.size() % 4) % 4, '=');
  const std::optional<std::string> decoded = api::decodeBase64(text);
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return Login{decoded->substr(0, colon), decoded->substr(colon + 1), {}};
}

Result<Login> loginOf(const api::Node& entry) {
  if (entry.kind != api::Node::Kind::kMap) return bad("an entry is no object");
  const std::string encoded = textOf(entry, "auth");
  if (encoded.empty()) return Login{textOf(entry, "username"), textOf(entry, "password"), {}};
  std::optional<Login> login = decodeLogin(encoded);
  if (!login) return bad("an auth field is not base64 of username:password");
  return *login;
}

Result<api::Document> parseJson(const std::string& text) {
  // The parser understands YAML, too; these secrets are JSON only.
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || text[first] != '{') return bad("its content is no JSON object");
  api::ParseLimits limits;
  limits.maxBytes = kMaxSecretBytes;
  std::vector<api::Problem> problems;  // they may quote the text
  std::vector<api::Document> documents = api::parseDocuments(text, limits, problems);
  const bool broken = std::any_of(problems.begin(), problems.end(), [](const auto& problem) { return problem.fatal; });
  if (broken || documents.size() != 1) return bad("its content is no JSON object");
  return documents.front();
}

// Docker Hub's images may be named without a host, and under several.
bool isHub(std::string_view repository) {
  const std::string_view host = repository.substr(0, repository.find('/'));
  return host == kHubHost || host == kHubKey;
}

bool looksLikeHost(std::string_view text) {
  return text.find_first_of(".:") != std::string_view::npos || text == "localhost";
}

}  // namespace

std::string repositoryOf(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const std::size_t slash = image.rfind('/');
  const std::size_t last = slash == std::string_view::npos ? 0 : slash + 1;
  image = image.substr(0, std::min(image.find(':', last), image.size()));

  const std::size_t end = image.find('/');
  std::string host(kHubHost);
  std::string_view path = image;
  if (end != std::string_view::npos && looksLikeHost(image.substr(0, end))) {
    host = image.substr(0, end);
    path = image.substr(end + 1);
  }
  if (host == kHubKey) host = kHubHost;
  if (host == kHubHost && path.find('/') == std::string_view::npos) host += "/library";
  return host.append("/").append(path);
}

bool keyMatches(std::string_view key, std::string_view repository) {
  const Location glob = split(key);
  const Location target = split(repository);
  if (glob.port != target.port || !target.path.starts_with(glob.path)) return false;
  const std::vector<std::string> globs = labels(glob.host);
  const std::vector<std::string> names = labels(target.host);
  return std::equal(globs.begin(), globs.end(), names.begin(), names.end(),
                    [](const std::string& pattern, const std::string& name) {
                      return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
                    });
}

cri::v1::AuthConfig Login::auth() const {
  cri::v1::AuthConfig out;
  out.set_username(username);
  out.set_password(password);
  return out;
}

Result<void> Keyring::add(const core::Secret& secret) {
  const bool old = secret.type() == kOldConfigType;
  if (!old && secret.type() != kConfigJsonType) return {};
  auto content = secret.data().find(old ? kOldConfigKey : kConfigJsonKey);
  if (content == secret.data().end() || content->second.empty()) return {};
  const auto& meta = secret.metadata();
  return read(content->second, old,
              SecretLogin{.uid = meta.uid(), .ns = meta.namespace_(), .name = meta.name(), .hash = ""});
}

Result<void> Keyring::addConfig(const std::string& text, bool old) {
  return read(text, old, std::nullopt);
}

void Keyring::add(std::string_view key, Login login) {
  if (std::string place = keyOf(key); !place.empty()) logins_[place].push_back(std::move(login));
}

Result<void> Keyring::read(const std::string& text, bool old, const std::optional<SecretLogin>& secret) {
  Result<api::Document> document = parseJson(text);
  if (!document) return fail(document.error());
  const api::Node* entries = document->root.get();
  if (!old) {
    const api::Node::Entry* auths = entries->find("auths");
    if (auths == nullptr || auths->value->kind == api::Node::Kind::kNull) return {};
    entries = auths->value;
  }
  if (entries->kind != api::Node::Kind::kMap) return bad("its auths are no object");

  // All or nothing: a secret that is half right is wrong.
  std::vector<std::pair<std::string, Login>> found;
  for (const api::Node::Entry& entry : entries->entries) {
    Result<Login> login = loginOf(*entry.value);
    if (!login) return fail(login.error());
    if (std::string key = keyOf(entry.key); !key.empty()) found.emplace_back(std::move(key), std::move(*login));
  }
  for (auto& [key, login] : found) {
    login.secret = secret;
    if (login.secret) login.secret->hash = loginHash(login.username, login.password);
    logins_[key].push_back(std::move(login));
  }
  return {};
}

std::vector<Login> Keyring::find(const std::string& image) const {
  const std::string repository = repositoryOf(image);
  std::vector<Login> fitting;
  auto take = [&fitting](const std::vector<Login>& logins) {
    for (const Login& login : logins)
      if (std::none_of(fitting.begin(), fitting.end(), [&](const Login& known) {
            return known.username == login.username && known.password == login.password;
          }))
        fitting.push_back(login);
  };
  for (const auto& [key, logins] : logins_)
    if (keyMatches(key, repository)) take(logins);
  if (fitting.empty() && isHub(repository))
    if (auto hub = logins_.find(kHubKey); hub != logins_.end()) take(hub->second);
  return fitting;
}

}  // namespace cubelet::images
