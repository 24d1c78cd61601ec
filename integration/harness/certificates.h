// Certificates of a test cluster, made by the openssl program: ECDSA P-256, one authority.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cubelet::integration {

struct KeyPair {
  std::filesystem::path certificate;  // PEM
  std::filesystem::path key;          // PEM, PKCS #8
};

struct Subject {
  std::string commonName;                       // a client's user
  std::vector<std::string> organizations = {};  // a client's groups
  std::vector<std::string> alternateNames =
      {};          // "IP:127.0.0.1", "DNS:localhost"; with any it is a server's certificate
  int days = 365;  // valid from now on; negative: it has expired
};

// All throw std::runtime_error when openssl refuses.
class CertificateAuthority {
 public:
  // Makes ca.crt and ca.key in `dir`, which must be there. Files are the owner's to remove.
  explicit CertificateAuthority(std::filesystem::path dir);

  const KeyPair& pair() const { return pair_; }
  // NAME.crt and NAME.key in the same directory; made anew when they are there.
  KeyPair issue(const std::string& name, const Subject& subject) const;

 private:
  std::filesystem::path dir_;
  KeyPair pair_;
};

// A private key with its public half, as service account tokens need it: NAME.key, NAME.pub.
struct SigningKey {
  std::filesystem::path secret;
  std::filesystem::path open;
};
SigningKey makeSigningKey(const std::filesystem::path& dir, const std::string& name);

}  // namespace cubelet::integration
