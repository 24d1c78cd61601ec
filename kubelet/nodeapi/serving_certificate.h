// ServingCertificate: what the node's server shows to clients (SRV-10).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "kubelet/access/client_authorities.h"
#include "kubelet/certificates/key_pair.h"
#include "kubelet/web/tls.h"

namespace cubelet::nodeapi {

// Files that have been replaced count for the next connection: they are looked at when somebody connects, and at no
// other time. Loop thread only.
class ServingCertificate {
 public:
  struct Options {
    std::string certificateFile;  // tlsCertFile, tlsPrivateKeyFile; both or none
    std::string keyFile;
    web::TlsSettings tls;
  };
  explicit ServingCertificate(Options options);

  // Without files: this one from now on. An Error: it cannot be used with these settings; the old one stays.
  Result<void> use(const apiserver::KeyPair& pair);
  // Reads the files now; an Error when they cannot be used, so that a start can fail.
  Result<void> readFiles();

  // Null: there is none (yet).
  std::shared_ptr<const tls::Context> context();
  // Of the one that context() has answered last; nothing: there is none.
  std::optional<WallTime> expires() const { return expires_; }

 private:
  Options options_;
  access::FileStamp certificateStamp_;
  access::FileStamp keyStamp_;
  std::shared_ptr<const tls::Context> context_;
  std::optional<WallTime> expires_;
};

}  // namespace cubelet::nodeapi
