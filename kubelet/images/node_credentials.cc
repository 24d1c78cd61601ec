#include "kubelet/images/node_credentials.h"

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "kubelet/api/pod.h"

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

Keyring keyringOf(const provider::CredentialProviderResponse& response, const std::optional<SecretLogin>& account) {
  Keyring out;
  for (const auto& [key, login] : response.auth()) out.add(key, Login{login.username(), login.password(), account});
  return out;
}

// Of the account those that the provider wants to know. Nothing: one that it needs is missing.
std::optional<std::map<std::string, std::string>> annotationsFor(const TokenUse& use,
                                                                 const std::map<std::string, std::string>& all) {
  std::map<std::string, std::string> out;
  for (const std::string& key : use.requiredAnnotations) {
    if (!all.contains(key)) return std::nullopt;
    out[key] = all.at(key);
  }
  for (const std::string& key : use.optionalAnnotations)
    if (all.contains(key)) out[key] = all.at(key);
  return out;
}

// Lines: no name and no token has a line break; an annotation that has one makes another key all the same.
std::string keyOf(const SecretLogin& account, const std::map<std::string, std::string>& annotations) {
  std::string key = account.ns + "/" + account.name + "/" + account.uid + "\n";
  for (const auto& [name, value] : annotations) key += name + "=" + std::to_string(value.size()) + ":" + value + "\n";
  return key;
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

Task<std::vector<Login>> NodeCredentials::find(std::string image, core::Pod pod) {
  std::vector<Login> all = co_await ofProviders(image, std::move(pod), false);
  append(dockerConfig().find(image), all);
  co_return all;
}

Task<std::vector<Login>> NodeCredentials::findByAccount(std::string image, core::Pod pod) {
  std::vector<Login> all = co_await ofProviders(std::move(image), std::move(pod), true);
  std::erase_if(all, [](const Login& login) { return !login.secret; });
  co_return all;
}

Task<std::vector<Login>> NodeCredentials::ofProviders(std::string image, core::Pod pod, bool byAccount) {
  const std::string repository = repositoryOf(image);
  std::vector<Login> all;
  for (Provider& provider : providers_) {
    if (byAccount && !provider.config.tokens) continue;
    const std::vector<std::string>& keys = provider.config.matchImages;
    if (std::ranges::none_of(keys, [&](const std::string& key) { return keyMatches(key, repository); })) continue;
    Keyring keyring = co_await ask(&provider, repository, pod);
    append(keyring.find(image), all);
  }
  co_return all;
}

// Nothing: the provider is not for this pod.
Task<Result<std::optional<NodeCredentials::Asker>>> NodeCredentials::askerFor(TokenUse use, core::Pod pod) {
  Asker asker;
  const std::string account = api::isStaticPod(pod) ? "" : pod.spec().serviceaccountname();
  if (accounts_ == nullptr || account.empty()) {
    if (use.required) co_return std::optional<Asker>();
    co_return std::optional<Asker>(std::move(asker));
  }
  Result<Accounts::Account> found = co_await accounts_->account(pod.metadata().namespace_(), account);
  if (!found) co_return fail(found.error().within("read service account " + account));
  std::optional<std::map<std::string, std::string>> annotations = annotationsFor(use, found->annotations);
  if (!annotations) co_return std::optional<Asker>();
  asker.account =
      SecretLogin{.uid = found->uid, .ns = pod.metadata().namespace_(), .name = account, .hash = "", .ofAccount = true};
  asker.proof.annotations = std::move(*annotations);
  Result<std::string> token = co_await accounts_->token(std::move(pod), use.audience);
  if (!token) co_return fail(token.error().within("get a token of service account " + account));
  asker.proof.token = std::move(*token);
  asker.keptFor = use.keptByToken ? asker.proof.token + "\n" : keyOf(*asker.account, asker.proof.annotations);
  co_return std::optional<Asker>(std::move(asker));
}

Task<Keyring> NodeCredentials::ask(Provider* provider, std::string repository, core::Pod pod) {
  Asker asker;
  if (provider->config.tokens) {
    TokenUse use = *provider->config.tokens;
    Result<std::optional<Asker>> found = co_await askerFor(std::move(use), std::move(pod));
    if (!found)
      log::warning("a credential provider is not asked; pulling goes on without it",
                   {{"provider", provider->config.name}, {"image", repository}, {"error", found.error().message}});
    if (!found || !*found) co_return Keyring();
    asker = std::move(**found);
  }
  if (const Keyring* known = kept(*provider, asker.keptFor, repository)) co_return *known;
  // One at a time: whoever waits here most likely finds what the one before it has brought.
  Semaphore::Permit permit = co_await provider->asking.acquire();
  if (const Keyring* known = kept(*provider, asker.keptFor, repository)) co_return *known;

  apiserver::Program program = provider->config.program;
  program.input = credentialRequest(provider->config, repository, asker.account ? &asker.proof : nullptr);
  Result<apiserver::ProgramEnd> end =
      co_await apiserver::runProgram(loop_, clock_, std::move(program), kProviderTimeout);
  Result<provider::CredentialProviderResponse> response = answerOf(provider->config, end);
  if (!response) {
    log::warning("a credential provider gave no credentials; pulling goes on without them",
                 {{"provider", provider->config.name}, {"image", repository}, {"error", response.error().message}});
    co_return Keyring();
  }
  Keyring keyring = keyringOf(*response, asker.account);
  const Duration hold = response->has_cacheduration() ? Duration(response->cacheduration().duration())
                                                      : provider->config.defaultCacheDuration;
  const TimePoint now = clock_.now();
  std::erase_if(provider->kept, [now](const auto& entry) { return entry.second.until <= now; });
  if (hold > Duration(0))
    provider->kept.insert_or_assign(asker.keptFor + cacheKey(response->cachekeytype(), repository),
                                    Kept{keyring, now + hold});
  co_return keyring;
}

// Null: nothing, or nothing that still holds.
const Keyring* NodeCredentials::kept(const Provider& provider, const std::string& keptFor,
                                     const std::string& repository) const {
  for (const std::string& key : {repository, registryOf(repository), std::string(kEverything)}) {
    auto found = provider.kept.find(keptFor + key);
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
