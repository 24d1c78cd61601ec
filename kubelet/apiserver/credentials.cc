#include "kubelet/apiserver/credentials.h"

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "kubelet/api/base64.h"
#include "kubelet/api/codec.h"
#include "kubelet/apiserver/run_program.h"
#include "proto/kubelet/exec_credential.pb.h"

namespace cubelet::apiserver {
namespace {

namespace clientconfig = ::kubelet::clientconfig::v1;

constexpr std::size_t kMaxFile = std::size_t{1} << 20;
constexpr std::chrono::seconds kPluginTimeout(60);
// Refreshed that long before the end, so that a request does not arrive with what has just expired.
constexpr std::chrono::seconds kEarly(10);
constexpr char kExecInfo[] = "KUBERNETES_EXEC_INFO";

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return "";
  return std::string(text.substr(from, text.find_last_not_of(kSpace) - from + 1));
}

bool hasControlCharacters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string programEndText(const ProgramEnd& end) {
  const std::string how = end.signal != 0 ? "was killed by signal " + std::to_string(end.signal)
                                          : "ended with exit code " + std::to_string(end.exitCode);
  const std::string words = trimmed(end.err);
  return words.empty() ? how : how + ": " + words;
}

std::unexpected<Error> badOutput(const std::string& message) {
  return fail(Code::kInvalid, "", "what it printed is no usable ExecCredential: " + message);
}

// The one JSON object that a plug-in prints.
Result<clientconfig::ExecCredentialStatus> parseOutput(const std::string& text, const std::string& apiVersion) {
  std::vector<api::Problem> problems;
  std::vector<api::Document> documents = api::parseDocuments(text, api::ParseLimits{}, problems);
  clientconfig::ExecCredential credential;
  if (documents.size() == 1) (void)api::decode(documents[0], api::UnknownFields::kWarn, credential, problems);
  for (const api::Problem& problem : problems)
    if (problem.fatal) return badOutput(problem.text("stdout"));
  if (documents.size() != 1) return badOutput(documents.empty() ? "nothing" : "more than one object");
  if (documents[0].kind != "ExecCredential") return badOutput("kind is \"" + documents[0].kind + "\"");
  if (documents[0].apiVersion != apiVersion)
    return badOutput("apiVersion is \"" + documents[0].apiVersion + "\", the kubeconfig says " + apiVersion);
  const clientconfig::ExecCredentialStatus& status = credential.status();
  if (status.clientcertificatedata().empty() != status.clientkeydata().empty())
    return badOutput("a certificate and its key come together");
  if (status.token().empty() && status.clientkeydata().empty()) return badOutput("neither token nor certificate");
  if (hasControlCharacters(status.token())) return badOutput("the token holds control characters");
  return status;
}

}  // namespace

Credentials::Credentials(Loop& loop, Clock& clock, ClientConfig config)
    : loop_(loop), clock_(clock), config_(std::move(config)), lastToken_(config_.token) {}

Task<Result<Credential>> Credentials::current() {
  if (usesPlugin()) co_return co_await fromPlugin();
  Credential credential{.authorization = {}, .certificate = config_.clientCertificate, .key = config_.clientKey};
  Result<std::string> token = this->token();
  if (!token) co_return fail(token.error());
  if (!token->empty())
    credential.authorization = "Bearer " + *token;
  else if (!config_.username.empty())
    credential.authorization = "Basic " + api::encodeBase64(config_.username + ":" + config_.password);
  co_return credential;
}

bool Credentials::refused(const Credential& used) {
  if (!usesPlugin()) return false;
  // Another request may have seen to it already.
  if (given_ && *given_ && (*given_)->credential == used) given_.reset();
  return true;
}

void Credentials::setClientCertificate(Pem certificate, Pem key) {
  config_.clientCertificate = std::move(certificate);
  config_.clientKey = std::move(key);
}

// A file that has become unreadable or empty is one that is being replaced: the last token goes on.
Result<std::string> Credentials::token() {
  if (config_.tokenFile.empty()) return config_.token;
  Result<std::string> text = readFile(config_.tokenFile, kMaxFile);
  std::string token = text ? trimmed(*text) : "";
  if (!token.empty() && !hasControlCharacters(token)) lastToken_ = std::move(token);
  if (!lastToken_.empty()) return lastToken_;
  const std::string why = text ? "token file " + config_.tokenFile + " holds no token" : text.error().message;
  return fail(Code::kInvalid, "", why + " (named by " + config_.source + ")");
}

// A token that stands in the file needs no program.
bool Credentials::usesPlugin() const {
  return config_.exec && config_.token.empty() && config_.tokenFile.empty();
}

Task<Result<Credential>> Credentials::fromPlugin() {
  auto isGood = [this] {
    return given_ && *given_ && (!(*given_)->expires || clock_.wallNow() + kEarly < *(*given_)->expires);
  };
  if (!isGood()) {
    const std::uint64_t runsBefore = runs_;
    Semaphore::Permit permit = co_await asking_.acquire();
    if (!isGood() && (runs_ == runsBefore || !given_)) {
      Result<Given> given = co_await askPlugin();
      given_ = std::move(given);
      ++runs_;
    }
  }
  if (!*given_) co_return fail(given_->error());
  co_return (*given_)->credential;
}

Task<Result<Credentials::Given>> Credentials::askPlugin() {
  const ExecPlugin& exec = *config_.exec;
  const std::string doing = "credential plug-in " + exec.command + " (named by " + config_.source + ")";
  Result<std::string> info = execInfo();
  if (!info) co_return fail(info.error().within(doing));
  Program program{.command = exec.command, .args = exec.args, .env = exec.env};
  program.env.emplace_back(kExecInfo, std::move(*info));
  Result<ProgramEnd> end = co_await runProgram(loop_, clock_, program, kPluginTimeout);
  if (!end && end.error().code == Code::kNotFound) {
    const std::string hint = exec.installHint.empty() ? "" : "; " + exec.installHint;
    co_return fail(Code::kInvalid, "", doing + ": there is no such program" + hint);
  }
  if (!end) co_return fail(end.error().within(doing));
  if (end->exitCode != 0 || end->signal != 0)
    co_return fail(Code::kUnavailable, "", doing + " " + programEndText(*end));
  Result<clientconfig::ExecCredentialStatus> status = parseOutput(end->out, exec.apiVersion);
  if (!status) co_return fail(status.error().within(doing));

  Given given{.credential = {.authorization = {}, .certificate = config_.clientCertificate, .key = config_.clientKey},
              .expires = {}};
  if (!status->token().empty()) given.credential.authorization = "Bearer " + status->token();
  if (!status->clientkeydata().empty()) {
    given.credential.certificate = {"", status->clientcertificatedata()};
    given.credential.key = {"", status->clientkeydata()};
  }
  if (status->has_expirationtimestamp())
    given.expires = WallTime(std::chrono::seconds(status->expirationtimestamp().seconds()));
  co_return given;
}

Result<std::string> Credentials::execInfo() const {
  clientconfig::ExecCredential credential;
  clientconfig::ExecCredentialSpec& spec = *credential.mutable_spec();
  spec.set_interactive(false);
  if (config_.exec->provideClusterInfo) {
    clientconfig::ExecCluster& cluster = *spec.mutable_cluster();
    cluster.set_server(config_.server.text());
    if (!config_.tlsServerName.empty()) cluster.set_tls_server_name(config_.tlsServerName);
    if (config_.insecureSkipTlsVerify) cluster.set_insecure_skip_tls_verify(true);
    std::string authority = config_.certificateAuthority.text;
    if (!config_.certificateAuthority.file.empty()) {
      Result<std::string> text = readFile(config_.certificateAuthority.file, kMaxFile);
      if (!text) return fail(text.error().within("certificate authority"));
      authority = std::move(*text);
    }
    if (!authority.empty()) cluster.set_certificate_authority_data(authority);
    if (!config_.proxyUrl.empty()) cluster.set_proxy_url(config_.proxyUrl);
    if (config_.disableCompression) cluster.set_disable_compression(true);
    if (!config_.exec->clusterConfig.empty()) cluster.mutable_config()->set_raw(config_.exec->clusterConfig);
  }
  return api::toJson(credential, {.apiVersion = config_.exec->apiVersion, .kind = "ExecCredential"});
}

}  // namespace cubelet::apiserver
