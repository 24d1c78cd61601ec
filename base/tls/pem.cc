#include "base/tls/pem.h"

#include <climits>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace cubelet::tls {
namespace {

using OpensslText = std::unique_ptr<char, decltype([](char* text) { OPENSSL_free(text); })>;

// One "-----BEGIN name-----" block. Its bytes may be a key: they are wiped.
struct PemBlock {
  std::string name;
  bool encrypted = false;
  std::unique_ptr<unsigned char, std::function<void(unsigned char*)>> der;
  long size = 0;

  bool isCertificate() const { return name == "CERTIFICATE" || name == "X509 CERTIFICATE"; }
  bool isPrivateKey() const { return name.ends_with("PRIVATE KEY"); }
};

// OpenSSL's readers of whole objects would ask for a password on the terminal; this one only cuts the text.
Result<std::vector<PemBlock>> readBlocks(std::string_view pem) {
  if (pem.size() > INT_MAX) return fail(Code::kInvalid, "", "too large for PEM");
  const BioHandle bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return fail(opensslError(Code::kInternal, "read PEM"));
  ERR_clear_error();
  std::vector<PemBlock> blocks;
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) break;
    const OpensslText ownName(name);
    const OpensslText ownHeader(header);
    PemBlock block;
    block.name = name;
    block.size = size;
    block.encrypted = block.name.starts_with("ENCRYPTED") || std::strstr(header, "ENCRYPTED") != nullptr;
    block.der = {data, [size](unsigned char* bytes) { OPENSSL_clear_free(bytes, static_cast<std::size_t>(size)); }};
    blocks.push_back(std::move(block));
  }
  const unsigned long why = ERR_peek_last_error();
  const bool atEnd = ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
  if (!atEnd) return fail(opensslError(Code::kInvalid, "read PEM"));
  ERR_clear_error();
  return blocks;
}

Result<CertificateHandle> certificateOf(const PemBlock& block) {
  const unsigned char* at = block.der.get();
  CertificateHandle certificate(d2i_X509(nullptr, &at, block.size));
  if (!certificate) return fail(opensslError(Code::kInvalid, "read certificate"));
  if (at != block.der.get() + block.size)
    return fail(Code::kInvalid, "", "read certificate: there are bytes behind its end");
  return certificate;
}

}  // namespace

Result<std::vector<CertificateHandle>> certificatesIn(std::string_view pem) {
  auto blocks = readBlocks(pem);
  if (!blocks) return fail(blocks.error());
  std::vector<CertificateHandle> certificates;
  for (const PemBlock& block : *blocks) {
    if (!block.isCertificate()) continue;
    auto certificate = certificateOf(block);
    if (!certificate) return fail(certificate.error());
    certificates.push_back(std::move(*certificate));
  }
  if (certificates.empty()) return fail(Code::kInvalid, "", "there is no certificate");
  return certificates;
}

Result<KeyHandle> privateKeyIn(std::string_view pem) {
  auto blocks = readBlocks(pem);
  if (!blocks) return fail(blocks.error().within("read private key"));
  for (const PemBlock& block : *blocks) {
    if (!block.isPrivateKey()) continue;
    if (block.encrypted) return fail(Code::kInvalid, "", "read private key: it is encrypted");
    const unsigned char* at = block.der.get();
    KeyHandle key(d2i_AutoPrivateKey(nullptr, &at, block.size));
    if (!key) return fail(opensslError(Code::kInvalid, "read private key"));
    ERR_clear_error();  // of the forms that were tried first
    return key;
  }
  return fail(Code::kInvalid, "", "read private key: there is none");
}

}  // namespace cubelet::tls
