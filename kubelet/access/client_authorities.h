// ClientAuthorities: whose certificates clients may show (authentication.x509.clientCAFile).
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kubelet/web/message.h"

namespace cubelet::access {

// What makes two versions of a file differ, without reading it.
struct FileStamp {
  std::int64_t device = 0;
  std::int64_t inode = 0;
  std::int64_t size = -1;  // -1: there is no such file
  std::int64_t modified = 0;
  bool operator==(const FileStamp&) const = default;
  static FileStamp of(const std::string& path);
};

// Looks whether its file has changed whenever a certificate is shown: nothing watches it in between. A file that cannot
// be used leaves the authorities as they were, and that is logged once.
class ClientAuthorities {
 public:
  // Empty: no certificate is good.
  explicit ClientAuthorities(std::string file);
  ~ClientAuthorities();
  ClientAuthorities(const ClientAuthorities&) = delete;
  ClientAuthorities& operator=(const ClientAuthorities&) = delete;

  // User: the common name, groups: the organizations (SRV-7). `chain`: DER, the client's own first. kInvalid: not valid
  // now, not for clients, or not signed by an authority.
  Result<web::Identity> identify(const std::vector<std::string>& chain, WallTime now);

 private:
  void readAgain();
  struct Store;
  std::string file_;
  FileStamp stamp_;
  std::unique_ptr<Store> store_;
};

}  // namespace cubelet::access
