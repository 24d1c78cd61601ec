// Requests for certificates (PKCS #10) and certificates that sign themselves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kubelet/certificates/key_pair.h"

namespace cubelet::apiserver {

// Whom a certificate names.
struct CertificateSubject {
  std::string commonName;
  std::vector<std::string> organizations;
  std::vector<std::string> dnsNames;
  std::vector<std::string> ipAddresses;
  bool operator==(const CertificateSubject&) const = default;
};

// What the signers of Kubernetes ask of a node (surface 4.10): CN system:node:<name>, O system:nodes. A client's
// certificate must not have alternative names.
CertificateSubject nodeClientSubject(std::string_view nodeName);
CertificateSubject nodeServingSubject(std::string_view nodeName, std::vector<std::string> dnsNames,
                                      std::vector<std::string> ipAddresses);

// PEM, signed by the key with SHA-256. Alternative names are written sorted, once each. kInvalid: an alternative name
// that is none.
Result<std::string> makeCertificateRequest(const PrivateKey& key, const CertificateSubject& subject);

struct RequestFacts {
  std::string publicKey;  // as PrivateKey::publicKey()
};
// The first request in the text. kInvalid when there is none or its signature is not its own key's.
Result<RequestFacts> readCertificateRequest(std::string_view pem);

// A server's certificate that only those trust who were given it.
Result<KeyPair> selfSign(PrivateKey key, const CertificateSubject& subject, WallTime notBefore, WallTime notAfter);

// True when the certificate is for this CN and has at least all of the subject's organizations and names. Names that it
// has beyond are no reason to ask for another one.
bool covers(const CertificateFacts& certificate, const CertificateSubject& subject);

}  // namespace cubelet::apiserver
