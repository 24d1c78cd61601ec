#include "kubelet/images/node_credentials.h"

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/log.h"

namespace cubelet::images {
namespace {

namespace provider = ::kubelet::credentialprovider::v1;

constexpr std::chrono::seconds kProviderTimeout(60);
constexpr std::chrono::minutes kDockerConfigAge(5);
constexpr std::size_t kMaxDockerConfig = std::size_t{1} << 20;
constexpr char kEverything[] = "";

std::string registryOf(const std::string& repository) {
  return repository.substr(0, repository.find('/'));
}

std::string cacheKey(const std::string& type, const std::string& repository) {
  if (type == "Image") return repository;
  if (type == "Registry") return registryOf(repository);
  return kEverything;
}

Keyring keyringOf(const provider::CredentialProviderResponse& response) {
  Keyring out;
  for (const auto& [key, login] : response.auth()) out.add(key, Login{login.username(), login.password(), {}});
  return out;
}

void append(std::vector<Login> more, std::vector<Login>& all) {
  for (Login& one : more) all.push_back(std::move(one));
}

Result<provider::CredentialProviderResponse> answerOf(const CredentialProvider& provider,
                                                      const Result<apiserver::ProgramEnd>& end) {
  if (!end) return fail(end.error());
  if (end->signal != 0) return fail(Code::kUnavailable, "", "was killed by signal " + std::to_string(end->signal));
  if (end->exitCode != 0)
    return fail(Code::kUnavailable, "", "ended with exit code " + std::to_string(end->exitCode) + ": " + end->err);
  return parseCredentialResponse(provider, end->out);
}

}  // namespace

DockerConfigPaths dockerConfigPaths(const std::string& root, const std::string& workingDirectory,
                                    const std::string& home) {
  DockerConfigPaths out;
  for (const std::string& directory :
       {root, workingDirectory, home.empty() ? home : joinPath(home, ".docker"), std::string("/.docker")})
    if (!directory.empty()) out.configs.push_back(joinPath(directory, "config.json"));
  for (const std::string& directory : {root, workingDirectory, home, std::string("/")})
    if (!directory.empty()) out.oldConfigs.push_back(joinPath(directory, ".dockercfg"));
  return out;
}

NodeCredentials::NodeCredentials(Loop& loop, Clock& clock, std::vector<CredentialProvider> providers,
                                 DockerConfigPaths paths)
    : loop_(loop), clock_(clock), paths_(std::move(paths)) {
  for (CredentialProvider& config : providers) providers_.emplace_back(std::move(config));
}

Task<std::vector<Login>> NodeCredentials::find(std::string image) {
  const std::string repository = repositoryOf(image);
  std::vector<Login> all;
  for (Provider& provider : providers_) {
    const std::vector<std::string>& keys = provider.config.matchImages;
    if (std::ranges::none_of(keys, [&](const std::string& key) { return keyMatches(key, repository); })) continue;
    Keyring keyring = co_await ask(&provider, repository);
    append(keyring.find(image), all);
  }
  append(dockerConfig().find(image), all);
  co_return all;
}

Task<Keyring> NodeCredentials::ask(Provider* provider, std::string repository) {
  if (const Keyring* known = kept(*provider, repository)) co_return *known;
  // One at a time: whoever waits here most likely finds what the one before it has brought.
  Semaphore::Permit permit = co_await provider->asking.acquire();
  if (const Keyring* known = kept(*provider, repository)) co_return *known;

  apiserver::Program program = provider->config.program;
  program.input = credentialRequest(provider->config, repository);
  Result<apiserver::ProgramEnd> end =
      co_await apiserver::runProgram(loop_, clock_, std::move(program), kProviderTimeout);
  Result<provider::CredentialProviderResponse> response = answerOf(provider->config, end);
  if (!response) {
    log::warning("a credential provider gave no credentials; pulling goes on without them",
                 {{"provider", provider->config.name}, {"image", repository}, {"error", response.error().message}});
    co_return Keyring();
  }
  Keyring keyring = keyringOf(*response);
  const Duration hold = response->has_cacheduration() ? Duration(response->cacheduration().duration())
                                                      : provider->config.defaultCacheDuration;
  const TimePoint now = clock_.now();
  std::erase_if(provider->kept, [now](const auto& entry) { return entry.second.until <= now; });
  if (hold > Duration(0))
    provider->kept.insert_or_assign(cacheKey(response->cachekeytype(), repository), Kept{keyring, now + hold});
  co_return keyring;
}

// Null: nothing, or nothing that still holds.
const Keyring* NodeCredentials::kept(const Provider& provider, const std::string& repository) const {
  for (const std::string& key : {repository, registryOf(repository), std::string(kEverything)}) {
    auto found = provider.kept.find(key);
    if (found != provider.kept.end() && found->second.until > clock_.now()) return &found->second.logins;
  }
  return nullptr;
}

const Keyring& NodeCredentials::dockerConfig() {
  if (dockerConfig_ && dockerConfig_->until > clock_.now()) return dockerConfig_->logins;
  dockerConfig_ = Kept{Keyring(), clock_.now() + kDockerConfigAge};
  auto use = [this](const std::vector<std::string>& paths, bool old) {
    return std::ranges::any_of(paths, [&](const std::string& path) {
      Result<std::string> text = readFile(path, kMaxDockerConfig);
      if (!text && text.error().code == Code::kNotFound) return false;
      Result<void> added = text ? dockerConfig_->logins.addConfig(*text, old) : Result<void>(fail(text.error()));
      if (!added) log::warning("cannot use a docker configuration", {{"file", path}, {"error", added.error().message}});
      return added.has_value();
    });
  };
  if (!use(paths_.configs, false)) use(paths_.oldConfigs, true);
  return dockerConfig_->logins;
}

}  // namespace cubelet::images
