#include "kubelet/images/pull_records.h"

#include <algorithm>
#include <array>
#include <openssl/evp.h>
#include <string_view>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/log.h"
#include "base/time_text.h"
#include "kubelet/images/pull_credentials.h"

namespace cubelet::images {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxRecord = std::size_t{1} << 20;
constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr char kVersion[] = "kubelet.config.k8s.io/v1beta1";

std::string sha256(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string out;
  for (unsigned int i = 0; i < size; ++i) out.append({kHex[digest[i] >> 4U], kHex[digest[i] & 0xfU]});
  return out;
}

bool isAllowlisted(const std::vector<std::string>& allowlist, const std::string& image) {
  const std::string repository = repositoryOf(image);
  return std::ranges::any_of(allowlist, [&](const std::string& entry) {
    if (!entry.ends_with("/*")) return repositoryOf(entry) == repository;
    return repository.starts_with(entry.substr(0, entry.size() - 1));
  });
}

std::string textOf(const json& object, const char* member) {
  auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

constexpr char kSecrets[] = "kubernetesSecrets";
constexpr char kAccounts[] = "kubernetesServiceAccounts";

json toJson(const SecretLogin& login) {
  json out = {{"uid", login.uid}, {"namespace", login.ns}, {"name", login.name}};
  if (!login.ofAccount) out["credentialHash"] = login.hash;
  return out;
}

void addLogins(const json& entry, bool ofAccounts, std::vector<SecretLogin>& to) {
  const auto found = entry.find(ofAccounts ? kAccounts : kSecrets);
  if (found == entry.end() || !found->is_array()) return;
  for (const json& one : *found)
    if (one.is_object())
      to.push_back({.uid = textOf(one, "uid"),
                    .ns = textOf(one, "namespace"),
                    .name = textOf(one, "name"),
                    .hash = textOf(one, "credentialHash"),
                    .ofAccount = ofAccounts});
}

}  // namespace

std::string loginHash(const std::string& username, const std::string& password) {
  return sha256(
      json{{"username", username}, {"password", password}}.dump(-1, ' ', false, json::error_handler_t::replace));
}

bool mustVerify(const VerificationPolicy& policy, const std::string& image, bool pulledByAgent) {
  if (policy.name == "NeverVerify") return false;
  if (policy.name == "AlwaysVerify") return true;
  if (policy.name == "NeverVerifyAllowlistedImages") return pulledByAgent || !isAllowlisted(policy.allowlist, image);
  return pulledByAgent;
}

PullRecords::PullRecords(const Clock& clock, std::string directory, VerificationPolicy policy)
    : clock_(clock), directory_(std::move(directory)), policy_(std::move(policy)) {}

std::string PullRecords::intentFile(const std::string& image) const {
  return joinPath(joinPath(directory_, "pulling"), "sha256-" + sha256(image));
}

std::string PullRecords::recordFile(const std::string& imageId) const {
  return joinPath(joinPath(directory_, "pulled"), "sha256-" + sha256(imageId));
}

Result<void> PullRecords::begin(const std::string& image) {
  if (underWay_[image]++ > 0) return {};
  const json intent = {{"kind", "ImagePullIntent"}, {"apiVersion", kVersion}, {"image", image}};
  Result<void> saved = makeDirectories(joinPath(directory_, "pulling"), kDirectoryMode);
  if (saved) saved = writeFileAtomic(intentFile(image), intent.dump(), kFileMode);
  if (saved) return {};
  end(image);
  return fail(saved.error().within("note the pull of image " + image));
}

void PullRecords::end(const std::string& image) {
  auto count = underWay_.find(image);
  if (count == underWay_.end() || --count->second > 0) return;
  underWay_.erase(count);
  if (Result<void> gone = removeFile(intentFile(image)); !gone)
    log::warning("cannot remove the note of a pull", {{"image", image}, {"error", gone.error().message}});
}

Result<void> PullRecords::pulled(const std::string& image, const std::string& imageId,
                                 const std::optional<SecretLogin>& by) {
  Record record = read(imageId).value_or(Record());
  Access& access = record[repositoryOf(image)];
  if (by) {
    std::erase_if(access.secrets, [&](const SecretLogin& known) { return known.sameSecret(*by); });
    access.secrets.push_back(*by);
  } else {
    access.everyPod = true;
  }
  json mapping = json::object();
  for (const auto& [name, known] : record) {
    json& entry = mapping[name] = json::object();
    if (known.everyPod) entry["nodePodsAccessible"] = true;
    for (const SecretLogin& login : known.secrets)
      entry[login.ofAccount ? kAccounts : kSecrets].push_back(toJson(login));
  }
  const json out = {{"kind", "ImagePulledRecord"},
                    {"apiVersion", kVersion},
                    {"lastUpdatedTime", rfc3339Milli(clock_.wallNow())},
                    {"imageRef", imageId},
                    {"credentialMapping", mapping}};
  Result<void> saved = makeDirectories(joinPath(directory_, "pulled"), kDirectoryMode);
  if (saved) saved = writeFileAtomic(recordFile(imageId), out.dump(), kFileMode);
  if (!saved) return fail(saved.error().within("note that image " + image + " was pulled"));
  return {};
}

void PullRecords::removed(const std::string& imageId) {
  if (Result<void> gone = removeFile(recordFile(imageId)); !gone)
    log::warning("cannot remove the record of an image", {{"image", imageId}, {"error", gone.error().message}});
}

// Nothing: there is no record. One that cannot be read names nobody.
std::optional<PullRecords::Record> PullRecords::read(const std::string& imageId) const {
  Result<std::string> text = readFile(recordFile(imageId), kMaxRecord);
  if (!text && text.error().code == Code::kNotFound) return std::nullopt;
  Record record;
  const json parsed = text ? json::parse(*text, nullptr, false) : json();
  if (!parsed.is_object() || textOf(parsed, "imageRef") != imageId || !parsed.contains("credentialMapping") ||
      !parsed["credentialMapping"].is_object())
    return record;
  for (const auto& [name, entry] : parsed["credentialMapping"].items()) {
    if (!entry.is_object()) continue;
    Access& access = record[name];
    auto open = entry.find("nodePodsAccessible");
    access.everyPod = open != entry.end() && open->is_boolean() && open->get<bool>();
    addLogins(entry, false, access.secrets);
    addLogins(entry, true, access.secrets);
  }
  return record;
}

bool PullRecords::needsProof(const std::string& image, const std::optional<Record>& record) const {
  const bool pulledByAgent = record.has_value() || ::access(intentFile(image).c_str(), F_OK) == 0;
  return mustVerify(policy_, image, pulledByAgent);
}

bool PullRecords::isOpen(const std::string& image, const std::string& imageId) const {
  const std::optional<Record> record = read(imageId);
  if (!needsProof(image, record)) return true;
  if (!record) return false;
  auto access = record->find(repositoryOf(image));
  return access != record->end() && access->second.everyPod;
}

bool PullRecords::mayUse(const std::string& image, const std::string& imageId,
                         const std::vector<SecretLogin>& logins) const {
  if (isOpen(image, imageId)) return true;
  const std::optional<Record> record = read(imageId);
  if (!record) return false;
  auto access = record->find(repositoryOf(image));
  if (access == record->end()) return false;
  // A secret whose login has changed since still is the one that opened the registry.
  return std::ranges::any_of(access->second.secrets, [&](const SecretLogin& known) {
    return std::ranges::any_of(logins, [&](const SecretLogin& login) {
      const bool sameLogin = !login.ofAccount && !known.ofAccount && login.hash == known.hash;
      return sameLogin || login.sameSecret(known);
    });
  });
}

}  // namespace cubelet::images
