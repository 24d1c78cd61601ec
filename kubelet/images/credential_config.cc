#include "kubelet/images/credential_config.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <unistd.h>

#include "base/files.h"
#include "kubelet/api/codec.h"
#include "kubelet/api/names.h"

namespace cubelet::images {
namespace {

namespace fs = std::filesystem;
namespace provider = ::kubelet::credentialprovider::v1;
using api::Problem;

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::string_view kConfigVersions[] = {"kubelet.config.k8s.io/v1", "kubelet.config.k8s.io/v1beta1",
                                                "kubelet.config.k8s.io/v1alpha1"};
constexpr std::string_view kProviderVersions[] = {"credentialprovider.kubelet.k8s.io/v1",
                                                  "credentialprovider.kubelet.k8s.io/v1beta1",
                                                  "credentialprovider.kubelet.k8s.io/v1alpha1"};
constexpr char kKeptByAccount[] = "ServiceAccount";
constexpr char kKeptByToken[] = "Token";
constexpr char kCacheKeyTypes[] = "Image, Registry or Global";

bool isOneOf(std::string_view text, const auto& all) {
  return std::find(std::begin(all), std::end(all), text) != std::end(all);
}

// Gathers what is wrong with one file.
class Checker {
 public:
  Checker(const api::Document& document, bool tokensAllowed, std::vector<Problem>& problems)
      : document_(document), tokensAllowed_(tokensAllowed), problems_(problems) {}

  void check(const provider::CredentialProviderConfig& config) {
    if (document_.kind != "CredentialProviderConfig") bad("kind", "must be CredentialProviderConfig");
    if (!isOneOf(document_.apiVersion, kConfigVersions)) bad("apiVersion", "must be kubelet.config.k8s.io/v1");
    if (config.providers().empty()) bad("providers", "at least one provider is required");
    for (int i = 0; i < config.providers_size(); ++i)
      checkProvider(config.providers(i), "providers[" + std::to_string(i) + "]");
  }

 private:
  void bad(const std::string& path, std::string message) {
    problems_.push_back({api::lineOf(document_, path), path, std::move(message), true});
  }
  void checkProvider(const provider::CredentialProvider& one, const std::string& path) {
    const std::string& name = one.name();
    if (name.empty())
      bad(path + ".name", "is required");
    else if (name == "." || name == ".." || name.find_first_of("/ \t\n") != std::string::npos)
      bad(path + ".name", "\"" + name + "\" must be the name of a program, without slashes and blanks");
    if (!isOneOf(one.apiversion(), kProviderVersions))
      bad(path + ".apiVersion", "must be credentialprovider.kubelet.k8s.io/v1");
    if (one.matchimages().empty()) bad(path + ".matchImages", "at least one entry is required");
    for (const std::string& image : one.matchimages())
      if (image.empty() || image.find("://") != std::string::npos)
        bad(path + ".matchImages", "\"" + image + "\" must be a host, with a port or a path if need be");
    if (!one.has_defaultcacheduration())
      bad(path + ".defaultCacheDuration", "is required");
    else if (one.defaultcacheduration().duration() < 0)
      bad(path + ".defaultCacheDuration", "must not be negative");
    if (one.has_tokenattributes()) checkTokens(one, path + ".tokenAttributes");
  }
  void checkTokens(const provider::CredentialProvider& one, const std::string& path) {
    const provider::ServiceAccountTokenAttributes& tokens = one.tokenattributes();
    if (!tokensAllowed_)
      bad(path, "needs the feature gate KubeletServiceAccountTokenForCredentialProviders, which is off");
    if (one.apiversion() != kProviderVersions[0])
      bad(path, std::string("needs apiVersion ") + std::string(kProviderVersions[0]));
    if (tokens.serviceaccounttokenaudience().empty()) bad(path + ".serviceAccountTokenAudience", "is required");
    if (tokens.cachetype() != kKeptByAccount && tokens.cachetype() != kKeptByToken)
      bad(path + ".cacheType", "must be ServiceAccount or Token");
    if (!tokens.has_requireserviceaccount()) bad(path + ".requireServiceAccount", "is required");
    if (!tokens.requireserviceaccount() && !tokens.requiredserviceaccountannotationkeys().empty())
      bad(path + ".requiredServiceAccountAnnotationKeys", "must be empty unless requireServiceAccount is true");
    std::set<std::string> seen;
    checkKeys(tokens.requiredserviceaccountannotationkeys(), path + ".requiredServiceAccountAnnotationKeys", seen);
    checkKeys(tokens.optionalserviceaccountannotationkeys(), path + ".optionalServiceAccountAnnotationKeys", seen);
  }
  void checkKeys(const auto& keys, const std::string& path, std::set<std::string>& seen) {
    for (const std::string& key : keys) {
      if (const api::Reasons why = api::whyNotLabelKey(key); !why.empty()) bad(path, "\"" + key + "\": " + why.front());
      if (!seen.insert(key).second) bad(path, "\"" + key + "\" is there twice");
    }
  }

  const api::Document& document_;
  bool tokensAllowed_;
  std::vector<Problem>& problems_;
};

Result<provider::CredentialProviderConfig> readFileAt(const std::string& path, bool tokensAllowed) {
  Result<std::string> text = readFile(path, kMaxFile);
  if (!text) return fail(text.error());
  std::vector<Problem> problems;
  std::vector<api::Document> documents = api::parseDocuments(*text, {.maxBytes = kMaxFile}, problems);
  provider::CredentialProviderConfig config;
  if (documents.size() == 1) {
    (void)api::decode(documents[0], api::UnknownFields::kReject, config, problems);
    Checker(documents[0], tokensAllowed, problems).check(config);
  } else {
    problems.push_back({0, "", "must hold one CredentialProviderConfig", true});
  }
  std::string message;
  for (const Problem& problem : problems)
    if (problem.fatal) message += (message.empty() ? "" : "\n") + problem.text(path);
  if (!message.empty()) return fail(Code::kInvalid, "", message);
  return config;
}

Result<std::vector<std::string>> filesAt(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
  Result<std::vector<std::string>> names = listDirectory(path);
  if (!names) return fail(names.error());
  std::vector<std::string> files;
  for (const std::string& name : *names)
    if (isOneOf(fs::path(name).extension().string(), std::initializer_list<std::string_view>{".json", ".yaml", ".yml"}))
      files.push_back(joinPath(path, name));
  if (files.empty()) return fail(Code::kInvalid, "", path + " holds no file *.json, *.yaml or *.yml");
  return files;
}

CredentialProvider fromConfig(const provider::CredentialProvider& config, const std::string& binDir) {
  CredentialProvider out;
  out.name = config.name();
  out.program.command = joinPath(binDir, config.name());
  out.program.args.assign(config.args().begin(), config.args().end());
  for (const provider::ExecEnvVar& variable : config.env())
    out.program.env.emplace_back(variable.name(), variable.value());
  out.matchImages.assign(config.matchimages().begin(), config.matchimages().end());
  out.defaultCacheDuration = Duration(config.defaultcacheduration().duration());
  out.apiVersion = config.apiversion();
  if (!config.has_tokenattributes()) return out;
  const provider::ServiceAccountTokenAttributes& tokens = config.tokenattributes();
  out.tokens = TokenUse{.audience = tokens.serviceaccounttokenaudience(),
                        .keptByToken = tokens.cachetype() == kKeptByToken,
                        .required = tokens.requireserviceaccount(),
                        .requiredAnnotations = {tokens.requiredserviceaccountannotationkeys().begin(),
                                                tokens.requiredserviceaccountannotationkeys().end()},
                        .optionalAnnotations = {tokens.optionalserviceaccountannotationkeys().begin(),
                                                tokens.optionalserviceaccountannotationkeys().end()}};
  return out;
}

std::unexpected<Error> badAnswer(const std::string& message) {
  return fail(Code::kInvalid, "", "what it printed is no usable CredentialProviderResponse: " + message);
}

}  // namespace

Result<std::vector<CredentialProvider>> readCredentialProviders(const std::string& path, const std::string& binDir,
                                                                bool tokensAllowed) {
  Result<std::vector<std::string>> files = filesAt(path);
  if (!files) return fail(files.error());
  std::vector<CredentialProvider> out;
  std::set<std::string> names;
  for (const std::string& file : *files) {
    Result<provider::CredentialProviderConfig> config = readFileAt(file, tokensAllowed);
    if (!config) return fail(config.error());
    for (const provider::CredentialProvider& one : config->providers()) {
      if (!names.insert(one.name()).second)
        return fail(Code::kInvalid, "", file + ": provider \"" + one.name() + "\" is there twice, keep one of them");
      out.push_back(fromConfig(one, binDir));
      if (const std::string& command = out.back().program.command; ::access(command.c_str(), X_OK) != 0)
        return fail(Code::kInvalid, "",
                    file + ": provider \"" + one.name() + "\" needs the program " + command +
                        ", which is not there or cannot be executed");
    }
  }
  return out;
}

std::string credentialRequest(const CredentialProvider& provider, const std::string& image, const AccountProof* proof) {
  provider::CredentialProviderRequest request;
  request.set_image(image);
  if (proof != nullptr) {
    request.set_serviceaccounttoken(proof->token);
    request.mutable_serviceaccountannotations()->insert(proof->annotations.begin(), proof->annotations.end());
  }
  return api::toJson(request, {.apiVersion = provider.apiVersion, .kind = "CredentialProviderRequest"}) + "\n";
}

Result<provider::CredentialProviderResponse> parseCredentialResponse(const CredentialProvider& provider,
                                                                     const std::string& text) {
  std::vector<Problem> problems;  // they may quote the text
  std::vector<api::Document> documents = api::parseDocuments(text, api::ParseLimits{}, problems);
  provider::CredentialProviderResponse response;
  if (documents.size() != 1) return badAnswer(documents.empty() ? "nothing that can be read" : "more than one object");
  if (documents[0].kind != "CredentialProviderResponse") return badAnswer("its kind is another one");
  if (documents[0].apiVersion != provider.apiVersion)
    return badAnswer("its apiVersion is not " + provider.apiVersion + ", as the configuration says");
  if (!api::decode(documents[0], api::UnknownFields::kWarn, response, problems))
    return badAnswer("a field has the wrong type");
  if (!isOneOf(response.cachekeytype(), std::initializer_list<std::string_view>{"Image", "Registry", "Global"}))
    return badAnswer(std::string("cacheKeyType must be ") + kCacheKeyTypes);
  if (response.cacheduration().duration() < 0) return badAnswer("cacheDuration is negative");
  return response;
}

}  // namespace cubelet::images
