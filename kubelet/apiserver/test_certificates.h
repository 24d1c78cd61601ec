// For tests: a certificate authority and what it signs.
#pragma once

#include <string>

namespace cubelet::apiserver {

struct TestCertificate {
  std::string certificate;  // PEM
  std::string key;
};

class TestCertificateAuthority {
 public:
  enum class Keys { kEcdsa, kRsa };
  // Every authority has the same name, as those of clusters have.
  explicit TestCertificateAuthority(Keys keys = Keys::kEcdsa);
  ~TestCertificateAuthority();
  TestCertificateAuthority(const TestCertificateAuthority&) = delete;
  TestCertificateAuthority& operator=(const TestCertificateAuthority&) = delete;

  std::string certificate() const;
  // `names` as OpenSSL has them: "DNS:api.example,IP:127.0.0.1"; empty for a client. A `password` encrypts the key.
  TestCertificate issue(const std::string& commonName, const std::string& names,
                        const std::string& password = "") const;

 private:
  struct Parts;
  Parts* parts_;
};

}  // namespace cubelet::apiserver
