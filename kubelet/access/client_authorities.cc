#include "kubelet/access/client_authorities.h"

#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "base/tls/openssl.h"
#include "base/tls/pem.h"

namespace cubelet::access {
namespace {

using tls::FreeWith;
using Certificate = tls::CertificateHandle;

void freeChain(STACK_OF(X509) * chain) {
  sk_X509_pop_free(chain, X509_free);
}

constexpr std::size_t kMaxFile = std::size_t{4} * 1024 * 1024;

Certificate parsed(const std::string& der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  return Certificate(d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
}

std::vector<std::string> entries(X509* certificate, int what) {
  std::vector<std::string> values;
  X509_NAME* name = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, what, at)) >= 0;) {
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0) continue;
    values.emplace_back(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
  }
  return values;
}

}  // namespace

FileStamp FileStamp::of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {.device = static_cast<std::int64_t>(status.st_dev),
          .inode = static_cast<std::int64_t>(status.st_ino),
          .size = status.st_size,
          .modified = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

struct ClientAuthorities::Store {
  std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>> trusted{X509_STORE_new()};

  static Result<std::unique_ptr<Store>> read(const std::string& file) {
    Result<std::string> text = readFile(file, kMaxFile);
    if (!text) return fail(text.error());
    auto store = std::make_unique<Store>();
    const Result<std::vector<Certificate>> certificates = tls::certificatesIn(*text);
    if (!certificates) return fail(certificates.error().within(file));
    for (const Certificate& one : *certificates)
      if (X509_STORE_add_cert(store->trusted.get(), one.get()) != 1)
        return fail(tls::opensslError(Code::kInvalid, file));
    return store;
  }
};

ClientAuthorities::ClientAuthorities(std::string file) : file_(std::move(file)) {}

ClientAuthorities::~ClientAuthorities() = default;

void ClientAuthorities::readAgain() {
  if (file_.empty()) return;
  const FileStamp now = FileStamp::of(file_);
  if (now == stamp_ && (store_ || now.size < 0)) return;
  if (std::exchange(stamp_, now) == now && !store_) return;
  Result<std::unique_ptr<Store>> store = Store::read(file_);
  if (store)
    store_ = std::move(*store);
  else
    log::error("cannot use the authorities of clients", {{"file", file_}, {"error", store.error().message}});
}

Result<web::Identity> ClientAuthorities::identify(const std::vector<std::string>& chain, WallTime now) {
  readAgain();
  if (!store_) return fail(Code::kInvalid, "", "client certificate: no authority is configured");
  const Certificate own = chain.empty() ? nullptr : parsed(chain.front());
  if (!own) return fail(Code::kInvalid, "", "client certificate: cannot be read");
  const std::unique_ptr<STACK_OF(X509), FreeWith<freeChain>> between(sk_X509_new_null());
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (Certificate one = parsed(chain[i])) sk_X509_push(between.get(), one.release());

  const std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>> check(X509_STORE_CTX_new());
  X509_STORE_CTX_init(check.get(), store_->trusted.get(), own.get(), between.get());
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(check.get());
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT);
  X509_VERIFY_PARAM_set_time(rules, std::chrono::system_clock::to_time_t(now));
  // Whatever stands in the file is trusted, an intermediate authority too.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  if (X509_verify_cert(check.get()) != 1) {
    const char* why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
    ERR_clear_error();
    return fail(Code::kInvalid, "", "client certificate: " + std::string(why));
  }
  web::Identity identity;
  const std::vector<std::string> names = entries(own.get(), NID_commonName);
  // As Go reads it: the last one.
  if (!names.empty()) identity.user = names.back();
  if (identity.user.empty()) return fail(Code::kInvalid, "", "client certificate: it names nobody");
  identity.groups = entries(own.get(), NID_organizationName);
  return identity;
}

}  // namespace cubelet::access
