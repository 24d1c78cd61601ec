#include "kubelet/certificates/certificate_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <unistd.h>
#include <utility>

#include "base/fd.h"
#include "base/files.h"
#include "kubelet/certificates/certificate_rotation.h"

namespace cubelet::apiserver {
namespace {

constexpr std::size_t kMaxBytes = 1 << 20;
constexpr mode_t kDirectoryMode = 0755;  // as upstream: the certificates in it are no secret
constexpr mode_t kSecretMode = 0600;
constexpr mode_t kPublicMode = 0644;
constexpr std::chrono::hours kClockSlack{1};

// "2027-01-15-08-00-00", UTC.
std::string stamp(WallTime now) {
  const std::time_t time = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d-%H-%M-%S", &parts));
}

bool validAt(const KeyPair& pair, WallTime now) {
  return !isExpired(pair.facts(), now);
}

Result<KeyPair> loadOneFile(const std::string& path) {
  auto text = readFile(path, kMaxBytes);
  if (!text) return fail(text.error());
  auto pair = KeyPair::parse(*text);
  if (!pair) return fail(pair.error().within(path));
  return pair;
}

Result<KeyPair> loadTwoFiles(const std::string& certificateFile, const std::string& keyFile) {
  auto certificates = readFile(certificateFile, kMaxBytes);
  if (!certificates) return fail(certificates.error());
  auto keyText = readFile(keyFile, kMaxBytes);
  if (!keyText) return fail(keyText.error());
  auto key = PrivateKey::parse(*keyText);
  if (!key) return fail(key.error().within(keyFile));
  auto pair = KeyPair::make(std::move(*key), *certificates);
  if (!pair) return fail(pair.error().within(certificateFile));
  return pair;
}

// Keeps the best of what was looked at: a valid pair, then any pair, then the first error but kNotFound.
class Choice {
 public:
  explicit Choice(WallTime now) : now_(now) {}

  bool settled() const { return best_ && validAt(*best_, now_); }
  void consider(Result<KeyPair> pair) {
    if (pair && (!best_ || validAt(*pair, now_)))
      best_ = std::move(*pair);
    else if (!pair && !error_ && pair.error().code != Code::kNotFound)
      error_ = pair.error();
  }
  Result<KeyPair> answer(const std::string& name) const {
    if (best_) return *best_;
    if (error_) return fail(*error_);
    return fail(Code::kNotFound, "", "there is no certificate of " + name);
  }

 private:
  WallTime now_;
  std::optional<KeyPair> best_;
  std::optional<Error> error_;
};

Result<void> writeSecret(const std::string& path, Result<std::string> secret) {
  if (!secret) return fail(secret.error().within("write " + path));
  Result<void> written = writeFileAtomic(path, *secret, kSecretMode);
  ::explicit_bzero(secret->data(), secret->size());
  return written;
}

Result<void> flushDirectory(const std::string& path) {
  auto directory = openDirectory(path);
  if (!directory) return fail(directory.error());
  if (::fsync(directory->get()) != 0) return fail(errnoError(errno, "write " + path + " to disk"));
  return {};
}

// What a writeFileAtomic() of this file leaves behind when it is killed: it may hold a key.
Result<void> removeTemporaries(const std::string& directory, std::string_view prefix) {
  auto names = listDirectory(directory);
  if (!names) return fail(names.error());
  for (const std::string& name : *names)
    if (name.starts_with("." + std::string(prefix)))
      if (auto removed = removeFile(joinPath(directory, name)); !removed) return removed;
  return {};
}

}  // namespace

CertificateStore::CertificateStore(const std::string& directory, std::string name, std::string certificateFile,
                                   std::string keyFile)
    // Absolute, because paths in a kubeconfig count from where that file lies.
    : directory_(std::filesystem::absolute(directory)),
      name_(std::move(name)),
      certificateFile_(std::move(certificateFile)),
      keyFile_(std::move(keyFile)) {}

std::string CertificateStore::path(std::string_view suffix) const {
  return joinPath(directory_, name_ + std::string(suffix));
}

std::string CertificateStore::currentPath() const {
  return path("-current.pem");
}

Result<KeyPair> CertificateStore::load(WallTime now) const {
  Choice choice(now);
  // The link may be absolute, and lead anywhere its owner likes: upstream's is, and it is followed there too.
  choice.consider(loadOneFile(currentPath()));
  if (!choice.settled() && !certificateFile_.empty() && !keyFile_.empty())
    choice.consider(loadTwoFiles(certificateFile_, keyFile_));
  if (!choice.settled()) choice.consider(loadTwoFiles(path(".crt"), path(".key")));
  return choice.answer(name_);
}

Result<void> CertificateStore::save(const KeyPair& pair, WallTime now) const {
  if (auto made = makeDirectories(directory_, kDirectoryMode); !made) return made;
  if (auto removed = removeLeftovers(); !removed) return removed;
  const std::string file = name_ + "-" + stamp(now) + ".pem";
  // Two pairs within a second: the second one replaces the first under the same name, which is as atomic.
  if (auto written = writeSecret(joinPath(directory_, file), pair.secretPem()); !written) return written;
  return pointTo(file);
}

Result<void> CertificateStore::removeLeftovers() const {
  if (auto removed = removeFile(path("-updated.pem")); !removed) return removed;
  return removeTemporaries(directory_, name_ + "-");
}

// A link cannot be replaced in place: the new one gets its own name and is renamed over the old one.
Result<void> CertificateStore::pointTo(const std::string& file) const {
  const std::string next = path("-updated.pem");
  // Relative, so that the directory may be seen under another path, too.
  if (::symlink(file.c_str(), next.c_str()) != 0) return fail(errnoError(errno, "make link " + next));
  if (::rename(next.c_str(), currentPath().c_str()) != 0) return fail(errnoError(errno, "replace " + currentPath()));
  return flushDirectory(directory_);
}

std::optional<PrivateKey> CertificateStore::pendingKey() const {
  auto text = readFile(path(".key.tmp"), kMaxBytes);
  if (!text) return std::nullopt;
  auto key = PrivateKey::parse(*text);
  ::explicit_bzero(text->data(), text->size());
  if (!key) return std::nullopt;
  return std::move(*key);
}

Result<void> CertificateStore::keepPendingKey(const PrivateKey& key) const {
  if (auto made = makeDirectories(directory_, kDirectoryMode); !made) return made;
  if (auto removed = removeTemporaries(directory_, name_ + ".key.tmp."); !removed) return removed;
  return writeSecret(path(".key.tmp"), key.secretPem());
}

Result<void> CertificateStore::dropPendingKey() const {
  return removeFile(path(".key.tmp"));
}

Result<KeyPair> loadOrMakeServingPair(const std::string& directory, const CertificateSubject& subject, WallTime now,
                                      Duration lifetime) {
  const std::string certificateFile = joinPath(directory, "kubelet.crt");
  const std::string keyFile = joinPath(directory, "kubelet.key");
  auto there = loadTwoFiles(certificateFile, keyFile);
  if (there && validAt(*there, now)) return there;

  auto key = PrivateKey::generate();
  if (!key) return fail(key.error());
  const WallTime from = now - kClockSlack;
  auto pair = selfSign(std::move(*key), subject, from, from + std::chrono::floor<std::chrono::seconds>(lifetime));
  if (!pair) return pair;
  if (auto made = makeDirectories(directory, kDirectoryMode); !made) return fail(made.error());
  for (const char* prefix : {"kubelet.key.", "kubelet.crt."})
    if (auto removed = removeTemporaries(directory, prefix); !removed) return fail(removed.error());
  // Killed between the two, the next start finds a pair that does not fit and makes both anew.
  if (auto written = writeSecret(keyFile, pair->key().secretPem()); !written) return fail(written.error());
  if (auto written = writeFileAtomic(certificateFile, pair->certificates(), kPublicMode); !written)
    return fail(written.error());
  return pair;
}

}  // namespace cubelet::apiserver
