#include "base/tls/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <string>

#include "base/tls/test_certificate.h"

namespace cubelet::tls {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::size_t kMost = 4096;

// Two sides without anything between them.
class TlsSession : public testing::Test {
 protected:
  TlsSession() {
    const SelfSigned own = selfSigned();
    EXPECT_TRUE(serving->useCertificate(own.certificate, own.key));
    begin();
  }
  void begin(const std::string& serverName = "") {
    client.emplace(*asking, serverName);
    server.emplace(*serving);
  }

  // Hands over what each has to say until neither has anything.
  void pass() {
    while (client->hasOutput() || server->hasOutput()) {
      if (client->hasOutput()) server->feed(client->takeOutput());
      if (server->hasOutput()) client->feed(server->takeOutput());
    }
  }
  // True when both sides are done.
  bool handshake() {
    for (int turn = 0; turn < 10; ++turn) {
      const Result<bool> one = client->handshake();
      const Result<bool> other = server->handshake();
      if (!one || !other) return false;
      if (*one && *other && !client->hasOutput() && !server->hasOutput()) return true;
      pass();
    }
    return false;
  }
  // The server's answer to the client's first words.
  std::string firstAnswer() {
    EXPECT_FALSE(client->handshake().value());
    server->feed(client->takeOutput());
    EXPECT_FALSE(server->handshake().value());
    return server->takeOutput();
  }
  static void send(Session& from, Session& to, std::string_view text) {
    ASSERT_TRUE(from.encrypt(text));
    to.feed(from.takeOutput());
  }
  static std::string readAll(Session& from) {
    std::string all;
    for (;;) {
      const Result<std::string> plain = from.decrypt(kMost);
      if (!plain || plain->empty()) return all;
      all += *plain;
    }
  }

  std::shared_ptr<Context> serving = Context::make(Side::kServer).value();
  std::shared_ptr<Context> asking = Context::make(Side::kClient).value();
  std::optional<Session> client;
  std::optional<Session> server;
};

TEST_F(TlsSession, CarriesTextBothWays) {
  ASSERT_TRUE(handshake());
  send(*client, *server, "question");
  EXPECT_EQ(server->decrypt(kMost), "question");
  EXPECT_EQ(server->decrypt(kMost), "") << "more has to be fed";
  EXPECT_FALSE(server->ended());
  send(*server, *client, "answer");
  EXPECT_EQ(client->decrypt(kMost), "answer");
}

TEST_F(TlsSession, DecryptsNoMoreThanIsWanted) {
  ASSERT_TRUE(handshake());
  const std::string much(100'000, 'x');
  send(*server, *client, much);
  EXPECT_EQ(client->decrypt(3), "xxx");
  EXPECT_THAT(readAll(*client), SizeIs(much.size() - 3));
}

TEST_F(TlsSession, KeepsTheRoomOfItsOutputUntilToldNotTo) {
  ASSERT_TRUE(handshake());
  ASSERT_TRUE(client->encrypt(std::string(50'000, 'x')));
  std::string sent = client->takeOutput();
  const char* room = sent.data();
  client->reuse(std::move(sent));
  ASSERT_TRUE(client->encrypt("x"));
  EXPECT_EQ(client->takeOutput().data(), room);
}

TEST_F(TlsSession, TellsTheNameOfTheServerUnlessItIsAnAddress) {
  std::string told;
  const auto note = [](SSL* session, int*, void* out) {
    const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    *static_cast<std::string*>(out) = name != nullptr ? name : "none";
    return SSL_TLSEXT_ERR_OK;
  };
  SSL_CTX_set_tlsext_servername_callback(serving->openssl(), static_cast<int (*)(SSL*, int*, void*)>(note));
  SSL_CTX_set_tlsext_servername_arg(serving->openssl(), &told);
  for (const auto& [name, want] :
       {std::pair<const char*, const char*>{"web.example", "web.example"}, {"10.0.0.1", "none"}, {"::1", "none"}}) {
    begin(name);
    ASSERT_TRUE(handshake());
    EXPECT_EQ(told, want);
  }
}

TEST_F(TlsSession, KnowsWhatTheOtherSideHasShown) {
  ASSERT_TRUE(handshake());
  EXPECT_THAT(client->peerCertificates(), SizeIs(1));
  EXPECT_THAT(server->peerCertificates(), IsEmpty());
  const SelfSigned own = selfSigned();
  ASSERT_TRUE(asking->useCertificate(own.certificate + selfSigned().certificate, own.key));
  SSL_CTX_set_verify(serving->openssl(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(serving->openssl(), [](X509_STORE_CTX*, void*) { return 1; }, nullptr);
  begin();
  ASSERT_TRUE(handshake());
  EXPECT_THAT(server->peerCertificates(), SizeIs(2)) << "its own, and the rest of its chain";
}

TEST_F(TlsSession, OneSideMayEndWhileTheOtherGoesOn) {
  ASSERT_TRUE(handshake());
  client->sayEnd();
  server->feed(client->takeOutput());
  EXPECT_EQ(server->decrypt(kMost), "");
  EXPECT_TRUE(server->ended());
  EXPECT_FALSE(client->ended());
  send(*server, *client, "last words");
  EXPECT_EQ(client->decrypt(kMost), "last words");
}

TEST_F(TlsSession, WaitsWhereverTheOtherSideStops) {
  const std::string answer = firstAnswer();
  for (char byte : answer.substr(0, answer.size() - 1)) {
    client->feed(std::string_view(&byte, 1));
    const Result<bool> ready = client->handshake();
    ASSERT_TRUE(ready) << ready.error().message;
    ASSERT_FALSE(*ready);
  }
  client->feed(answer.substr(answer.size() - 1));
  ASSERT_TRUE(handshake());
  ASSERT_TRUE(server->encrypt("text"));
  const std::string record = server->takeOutput();
  for (char byte : record.substr(0, record.size() - 1)) {
    client->feed(std::string_view(&byte, 1));
    ASSERT_EQ(client->decrypt(kMost), "");
    ASSERT_FALSE(client->ended());
  }
  client->feed(std::string_view(record).substr(record.size() - 1));
  EXPECT_EQ(client->decrypt(kMost), "text");
}

TEST_F(TlsSession, ABrokenByteOfTheHandshakeIsAnErrorWithItsReason) {
  int errors = 0;
  const std::size_t size = firstAnswer().size();
  for (std::size_t at = 0; at < size; ++at) {
    begin();
    std::string answer = firstAnswer();
    if (at >= answer.size()) break;
    answer[at] = static_cast<char>(answer[at] ^ 0x55);
    client->feed(answer);
    const Result<bool> ready = client->handshake();
    if (ready) continue;  // a length that asks for more, or a version that nobody looks at
    ++errors;
    EXPECT_EQ(ready.error().code, Code::kUnavailable);
    EXPECT_THAT(ready.error().message, StartsWith("tls: handshake failure"));
    EXPECT_FALSE(client->handshake()) << "it stays one";
  }
  EXPECT_GT(errors, 100);
}

TEST_F(TlsSession, ABrokenByteOfARecordIsNeverText) {
  for (std::size_t at = 0;; ++at) {
    begin();
    ASSERT_TRUE(handshake());
    ASSERT_TRUE(server->encrypt("text"));
    std::string record = server->takeOutput();
    if (at >= record.size()) break;
    record[at] = static_cast<char>(record[at] ^ 0x55);
    client->feed(record);
    const Result<std::string> plain = client->decrypt(kMost);
    EXPECT_EQ(plain.value_or(""), "") << at;
    if (!plain) EXPECT_THAT(plain.error().message, StartsWith("tls: cannot decrypt: "));
  }
}

TEST_F(TlsSession, WhoeverDoesNotSpeakTlsIsToldSo) {
  server->feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const Result<bool> ready = server->handshake();
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, HasSubstr("http request"));
  EXPECT_FALSE(client->handshake().value());
  client->feed(std::string(100, '\0'));
  EXPECT_FALSE(client->handshake());
  EXPECT_TRUE(client->hasOutput()) << "an alert";
}

// A server that does what ours never does.
struct OddServer {
  OddServer(const Context& context, int version) : session(SSL_new(context.openssl())) {
    SSL_clear_options(session.get(), SSL_OP_NO_RENEGOTIATION);
    SSL_set_min_proto_version(session.get(), version);
    SSL_set_max_proto_version(session.get(), version);
    SSL_set_bio(session.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(session.get());
  }
  // What it says, having heard this.
  std::string hear(const std::string& bytes) {
    BIO_write(SSL_get_rbio(session.get()), bytes.data(), static_cast<int>(bytes.size()));
    static_cast<void>(SSL_do_handshake(session.get()));
    std::string out = contentOf(SSL_get_wbio(session.get()));
    static_cast<void>(BIO_reset(SSL_get_wbio(session.get())));
    return out;
  }
  bool greet(Session& client) {
    for (int turn = 0; turn < 4; ++turn) {
      if (!client.handshake()) return false;
      client.feed(hear(client.takeOutput()));
    }
    return SSL_is_init_finished(session.get()) == 1;
  }
  std::unique_ptr<SSL, FreeWith<SSL_free>> session;
};

TEST_F(TlsSession, RefusesToNegotiateAgain) {
  OddServer odd(*serving, TLS1_2_VERSION);
  ASSERT_TRUE(odd.greet(*client));
  ASSERT_EQ(SSL_renegotiate(odd.session.get()), 1);
  client->feed(odd.hear(""));
  EXPECT_EQ(client->decrypt(kMost), "");
  ASSERT_TRUE(client->hasOutput());
  const std::string refusal = client->takeOutput();
  EXPECT_EQ(refusal[0], 21) << "an alert, and no new handshake";
}

TEST_F(TlsSession, FollowsAChangeOfKeys) {
  OddServer odd(*serving, TLS1_3_VERSION);
  ASSERT_TRUE(odd.greet(*client));
  ASSERT_EQ(SSL_key_update(odd.session.get(), SSL_KEY_UPDATE_REQUESTED), 1);
  ASSERT_EQ(SSL_write(odd.session.get(), "text", 4), 4);
  client->feed(odd.hear(""));
  EXPECT_EQ(client->decrypt(kMost), "text");
  ASSERT_TRUE(client->encrypt("answer"));
  odd.hear(client->takeOutput());
  char answer[10] = {};
  EXPECT_EQ(SSL_read(odd.session.get(), answer, sizeof answer), 6);
  EXPECT_STREQ(answer, "answer");
}

}  // namespace
}  // namespace cubelet::tls
