// Context: what all TLS sessions of one side have in common.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"

// OpenSSL's SSL_CTX, so that only .cc files need its headers.
struct ssl_ctx_st;

namespace cubelet::tls {

enum class Side { kClient, kServer };

// What holds on both sides: TLS 1.2 or later, no renegotiation, and each session proves anew who it is. A connection
// that ends without a word of TLS has ended: such peers are common, and HTTP says itself where a message ends.
//
// Verifies nobody and shows no certificate until told so. Fit for sessions once its maker has handed it on as const: a
// change would count for later sessions only.
class Context {
 public:
  // kInternal: OpenSSL cannot.
  static Result<std::shared_ptr<Context>> make(Side side);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Shown to the other side. Both are PEM, the leaf first. kInvalid: they cannot be read (pem.h), or do not fit
  // together.
  Result<void> useCertificate(std::string_view certificates, std::string_view key);

  Side side() const { return side_; }
  // For what only one side needs.
  ssl_ctx_st* openssl() const { return context_; }

 private:
  Context(Side side, ssl_ctx_st* context) : side_(side), context_(context) {}

  const Side side_;
  ssl_ctx_st* const context_;
};

}  // namespace cubelet::tls
