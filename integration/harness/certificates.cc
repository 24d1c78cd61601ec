#include "integration/harness/certificates.h"

#include <fstream>
#include <stdexcept>

#include "integration/harness/process.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

// Not the machine's openssl.cnf, which may hold anything.
constexpr const char* kConfig = R"([req]
distinguished_name = subject
x509_extensions = authority
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
subjectKeyIdentifier = hash
)";

void openssl(std::vector<std::string> words) {
  words.insert(words.begin(), "openssl");
  Finished finished = run(words);
  if (!finished.ok()) throw std::runtime_error("openssl " + words[1] + " failed:\n" + finished.errors);
}

std::string distinguishedName(const Subject& subject) {
  std::string text;
  for (const std::string& organization : subject.organizations) text += "/O=" + organization;
  return text + "/CN=" + subject.commonName;
}

std::string extensions(const Subject& subject) {
  std::string text = "basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n";
  if (subject.alternateNames.empty()) return text + "extendedKeyUsage = clientAuth\n";
  text += "extendedKeyUsage = serverAuth\nsubjectAltName = ";
  for (const std::string& name : subject.alternateNames) {
    if (&name != &subject.alternateNames.front()) text += ", ";
    text += name;
  }
  return text + "\n";
}

void write(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

}  // namespace

CertificateAuthority::CertificateAuthority(fs::path dir)
    : dir_(std::move(dir)), pair_{.certificate = dir_ / "ca.crt", .key = dir_ / "ca.key"} {
  write(dir_ / "openssl.cnf", kConfig);
  openssl({"req", "-x509", "-config", dir_ / "openssl.cnf", "-subj", "/CN=test-cluster-ca", "-days", "3650", "-newkey",
           "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", pair_.key, "-out", pair_.certificate});
}

KeyPair CertificateAuthority::issue(const std::string& name, const Subject& subject) const {
  KeyPair made{.certificate = dir_ / (name + ".crt"), .key = dir_ / (name + ".key")};
  fs::path request = dir_ / (name + ".csr");
  fs::path extensionFile = dir_ / (name + ".ext");
  write(extensionFile, extensions(subject));
  openssl({"req", "-new", "-config", dir_ / "openssl.cnf", "-subj", distinguishedName(subject), "-newkey", "ec",
           "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key, "-out", request});
  openssl({"x509", "-req", "-in", request, "-CA", pair_.certificate, "-CAkey", pair_.key, "-CAcreateserial", "-days",
           std::to_string(subject.days), "-extfile", extensionFile, "-out", made.certificate});
  return made;
}

SigningKey makeSigningKey(const fs::path& dir, const std::string& name) {
  SigningKey made{.secret = dir / (name + ".key"), .open = dir / (name + ".pub")};
  openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", made.secret});
  openssl({"pkey", "-in", made.secret, "-pubout", "-out", made.open});
  return made;
}

}  // namespace cubelet::integration
