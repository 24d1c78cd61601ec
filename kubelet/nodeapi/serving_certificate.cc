#include "kubelet/nodeapi/serving_certificate.h"

#include <utility>

#include "base/files.h"
#include "base/log.h"

namespace cubelet::nodeapi {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1024} * 1024;

}  // namespace

ServingCertificate::ServingCertificate(Options options) : options_(std::move(options)) {}

Result<void> ServingCertificate::use(const apiserver::KeyPair& pair) {
  Result<std::string> key = pair.key().secretPem();
  if (!key) return fail(key.error());
  Result<std::shared_ptr<const tls::Context>> made = web::servingContext(pair.certificates(), *key, options_.tls);
  if (!made) return fail(made.error());
  context_ = std::move(*made);
  expires_ = pair.facts().notAfter;
  return {};
}

Result<void> ServingCertificate::readFiles() {
  certificateStamp_ = access::FileStamp::of(options_.certificateFile);
  keyStamp_ = access::FileStamp::of(options_.keyFile);
  Result<std::string> certificates = readFile(options_.certificateFile, kMaxFile);
  if (!certificates) return fail(certificates.error().within("tlsCertFile"));
  Result<std::string> key = readFile(options_.keyFile, kMaxFile);
  if (!key) return fail(key.error().within("tlsPrivateKeyFile"));
  Result<std::shared_ptr<const tls::Context>> made = web::servingContext(*certificates, *key, options_.tls);
  if (!made) return fail(made.error().within(options_.certificateFile));
  context_ = std::move(*made);
  const Result<std::vector<apiserver::CertificateFacts>> facts = apiserver::readCertificates(*certificates);
  expires_ = facts ? std::optional(facts->front().notAfter) : std::nullopt;
  return {};
}

std::shared_ptr<const tls::Context> ServingCertificate::context() {
  if (options_.certificateFile.empty()) return context_;
  if (access::FileStamp::of(options_.certificateFile) == certificateStamp_ &&
      access::FileStamp::of(options_.keyFile) == keyStamp_)
    return context_;
  // Between the replacement of one file and of the other they do not fit: the old pair serves on.
  if (Result<void> read = readFiles(); !read)
    log::warning("cannot use the new serving certificate; the old one is shown", {{"error", read.error().message}});
  else
    log::notice("the serving certificate has changed", {{"file", options_.certificateFile}});
  return context_;
}

}  // namespace cubelet::nodeapi
