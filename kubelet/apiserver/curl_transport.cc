#include "kubelet/apiserver/curl_transport.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/curl/error_text.h"
#include "base/time_text.h"
#include "base/wake.h"

namespace cubelet::apiserver {
namespace {

// A name lookup, TCP and TLS; as upstream's dialer.
constexpr long kConnectTimeoutMs = 30'000;
// libcurl speaks no HTTP/2 PING, so TCP has to notice: nothing for 30 s, then a probe each 5 s until 15 s have passed
// without an answer.
constexpr int kKeepaliveIdle = 30;
constexpr int kKeepaliveInterval = 5;
constexpr int kKeepaliveProbes = 3;
constexpr unsigned kUnacknowledgedMs = 30'000;
// Before it has heard how many streams the server allows, libcurl puts this many on a connection, and once one is full
// it makes a connection for each further request. So no pool gets more: the next hundred share one of their own.
constexpr std::size_t kMaxShared = 100;
// The largest that libcurl takes. What comes for one transfer while another one reads from their connection must fit
// in: if it does not, libcurl 7.88 may hold the end of an answer back until something else comes. Memory is used as far
// as it fills.
constexpr long kReadBuffer = 512L * 1024;

bool isLoopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::string_view withoutQuery(std::string_view path) {
  return path.substr(0, path.find('?'));
}

// "GET https://10.0.0.1:6443/api/v1/pods", for messages.
std::string describe(const Request& request, const ServerUrl& server) {
  return request.method + " " + server.text() + std::string(withoutQuery(request.path));
}

// A certificate that an authority of the same name, but with another key, has signed: libcurl takes what OpenSSL says
// about the signature for a failed handshake. Every cluster's authority has the same name, so this is the usual way to
// meet a wrong one.
bool isForeignSignature(CURLcode code, std::string_view detail) {
  return code == CURLE_SSL_CONNECT_ERROR && detail.find(": error:") != std::string_view::npos &&
         detail.find("SSL routines") == std::string_view::npos &&
         detail.find("system library") == std::string_view::npos;
}

Code codeOf(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Code::kTimedOut;
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
      return Code::kInvalid;
    default:
      return Code::kUnavailable;
  }
}

// What somebody can do about it, put before curl's own words.
std::string hint(CURLcode code, const ClientConfig& config, const Credential& credential) {
  auto named = [&](const Pem& pem) { return pem.file.empty() ? "in " + config.source : pem.file; };
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      return "the server's certificate is not trusted (certificate authority " +
             (config.certificateAuthority.empty() ? "of the system" : named(config.certificateAuthority)) + "): ";
    case CURLE_SSL_CACERT_BADFILE:
      return "the certificate authority " + named(config.certificateAuthority) + " cannot be used: ";
    case CURLE_SSL_CERTPROBLEM:
      return "the client certificate " + named(credential.certificate) + " with key " + named(credential.key) +
             " cannot be used: ";
    default:
      return "";
  }
}

int onSocketMade(void*, curl_socket_t fd, curlsocktype) {
  auto set = [fd](int level, int option, auto value) { (void)::setsockopt(fd, level, option, &value, sizeof value); };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdle);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveInterval);
  set(IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUnacknowledgedMs);
  return CURL_SOCKOPT_OK;
}

// Takes a transfer back at the end of a scope, however that ends.
class Taken {
 public:
  Taken(curl::Multi& multi, CURL* easy) : multi_(multi), easy_(easy) {}
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() { multi_.remove(easy_); }

 private:
  curl::Multi& multi_;
  CURL* easy_;
};

// The value of `line` when it is this header; names are compared without letter case.
std::optional<std::string_view> headerValue(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return std::nullopt;
  auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  if (!std::equal(name.begin(), name.end(), line.begin(), same)) return std::nullopt;
  line.remove_prefix(name.size() + 1);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line.substr(0, line.find_last_not_of(" \t\r\n") + 1);
}

template <class T>
std::optional<T> wholeNumber(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string kubeletUserAgent(std::string_view version, std::string_view commit) {
#if defined(__x86_64__)
  constexpr char kArchitecture[] = "amd64";
#elif defined(__aarch64__)
  constexpr char kArchitecture[] = "arm64";
#else
#error "name this architecture as Go does"
#endif
  return "kubelet/" + std::string(version) + " (linux/" + kArchitecture + ") kubernetes/" + std::string(commit);
}

bool http2Wanted() {
  const char* disabled = std::getenv("DISABLE_HTTP2");
  return disabled == nullptr || *disabled == 0;
}

// One request and its answer. Callbacks of curl note what they were told and ring; they never resume the coroutine.
class CurlTransport::Exchange {
 public:
  Exchange(CurlTransport& transport, const curl::Library& curl, Request request, Credential credential, bool streaming)
      : transport_(transport),
        curl_(curl),
        request_(std::move(request)),
        credential_(std::move(credential)),
        streaming_(streaming),
        changed_(transport.clock_),
        headers_(nullptr, curl::ListCleanup{&curl}),
        connectTo_(nullptr, curl::ListCleanup{&curl}),
        easy_(curl.easy_init(), curl::EasyCleanup{&curl}) {
    transport_.underWay_.insert(this);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    takeBack();
    transport_.underWay_.erase(this);
  }

  void start() {
    setAddress();
    setMethod();
    setHeaders();
    setTls();
    setProxy();
    setCallbacks();
    pool_ = &transport_.enterPool(curl_, streaming_);
    pool_->multi.add(easy_.get(), [this](CURLcode code) {
      outcome_ = code;
      changed_.ring();
    });
  }

  void connectionClosed() {
    takeBack();
    closed_ = true;
    changed_.ring();
  }

  Wake& changed() { return changed_; }
  bool done() const { return outcome_.has_value() || closed_; }
  bool hasHead() const { return hasHead_; }
  // What has come of a stream's body since the last call.
  std::string takeData() { return std::exchange(data_, {}); }

  Result<Response> answer() {
    const std::string doing = describe(request_, transport_.config_.server);
    if (tooLarge_)
      return fail(Code::kExhausted, "",
                  doing + ": the answer is larger than " + std::to_string(transport_.options_.maxBody) + " bytes");
    if (closed_) return fail(Code::kUnavailable, "", doing + ": the connection was closed on this side");
    if (*outcome_ != CURLE_OK) {
      const std::string detail = curl::errorText(curl_, *outcome_, errorText_);
      const CURLcode why = isForeignSignature(*outcome_, detail) ? CURLE_PEER_FAILED_VERIFICATION : *outcome_;
      return fail(codeOf(why), "", doing + ": " + hint(why, transport_.config_, credential_) + detail);
    }
    Response response{.status = status_, .contentType = {}, .body = std::move(body_), .retryAfter = retryAfter_};
    const char* type = nullptr;
    curl_.easy_getinfo(easy_.get(), CURLINFO_CONTENT_TYPE, &type);
    if (type != nullptr) response.contentType = type;
    return response;
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_.easy_setopt(easy_.get(), option, value);
  }

  void takeBack() {
    if (pool_ == nullptr) return;
    pool_->multi.remove(easy_.get());
    transport_.leavePool(*std::exchange(pool_, nullptr));
  }

  // The name that the server's certificate must bear is that of the URL, so with tls-server-name the URL has this name,
  // and the connection is led to the real address.
  void setAddress() {
    ServerUrl url = transport_.config_.server;
    if (const std::string& name = transport_.config_.tlsServerName; !name.empty()) {
      const std::string port = std::to_string(url.port);
      curl::append(connectTo_, (name + ":" + port + ":" + url.host + ":" + port).c_str());
      set(CURLOPT_CONNECT_TO, connectTo_.get());
      curl::append(headers_, ("Host: " + url.host + ":" + port).c_str());
      url.host = name;
    }
    set(CURLOPT_URL, (url.text() + request_.path).c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    const bool http2 = transport_.options_.http2;
    set(CURLOPT_HTTP_VERSION, static_cast<long>(http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    // Rather wait to see whether a connection that is being made can be shared than make a second one.
    set(CURLOPT_PIPEWAIT, http2 && url.tls ? 1L : 0L);
    set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    set(CURLOPT_BUFFERSIZE, kReadBuffer);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // giving up does not wait for the thread of a name that nobody resolves
  }

  void setMethod() {
    if (!request_.body.empty() || request_.method == "POST") {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      set(CURLOPT_POSTFIELDS, request_.body.c_str());
    }
    set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }

  void setHeaders() {
    if (!request_.accept.empty()) curl::append(headers_, ("Accept: " + request_.accept).c_str());
    // Without a value curl leaves its own default out.
    curl::append(headers_, ("Content-Type: " + request_.contentType).c_str());
    curl::append(headers_, "Expect:");
    if (!credential_.authorization.empty())
      curl::append(headers_, ("Authorization: " + credential_.authorization).c_str());
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_USERAGENT, transport_.options_.userAgent.c_str());
    if (!transport_.config_.disableCompression) set(CURLOPT_ACCEPT_ENCODING, "gzip");
  }

  // The texts are ours for as long as the handle lives.
  void setPem(const Pem& pem, CURLoption file, CURLoption text) {
    if (pem.text.empty()) {
      if (!pem.file.empty()) set(file, pem.file.c_str());
      return;
    }
    curl_blob blob{const_cast<char*>(pem.text.data()), pem.text.size(), CURL_BLOB_NOCOPY};
    set(text, &blob);
  }

  void setTls() {
    const ClientConfig& config = transport_.config_;
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // A resumed session would speak for the certificate that it was begun with.
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    // Or a rotated authority would not count for a day.
    set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
    if (config.insecureSkipTlsVerify) {
      set(CURLOPT_SSL_VERIFYPEER, 0L);
      set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (!config.certificateAuthority.empty()) {
      // Debian's curl looks into the system's directory too, which would trust every public authority.
      set(CURLOPT_CAPATH, nullptr);
      setPem(config.certificateAuthority, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB);
    }
    setPem(credential_.certificate, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
    setPem(credential_.key, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
    // Without any password OpenSSL would ask for that of an encrypted key at a terminal.
    set(CURLOPT_KEYPASSWD, "");
  }

  void setProxy() {
    if (!transport_.config_.proxyUrl.empty()) {
      set(CURLOPT_PROXY, transport_.config_.proxyUrl.c_str());
      set(CURLOPT_NOPROXY, "");  // what the environment excludes is for its own proxies
    } else if (isLoopback(transport_.config_.server.host)) {
      set(CURLOPT_PROXY, "");
    }
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  }

  void setCallbacks() {
    set(CURLOPT_ERRORBUFFER, errorText_);
    set(CURLOPT_SOCKOPTFUNCTION, &onSocketMade);
    set(CURLOPT_HEADERFUNCTION, &Exchange::onHeader);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &Exchange::onBody);
    set(CURLOPT_WRITEDATA, this);
  }

  static std::size_t onHeader(char* data, std::size_t size, std::size_t count, void* self) {
    static_cast<Exchange*>(self)->header({data, size * count});
    return size * count;
  }

  // Line by line; more than one head when there were 1xx answers before, and trailers at the end.
  void header(std::string_view line) {
    noteArrival();
    if (line.starts_with("HTTP/")) {
      shared_ = line.starts_with("HTTP/2");
      const std::size_t space = std::min(line.find(' '), line.size() - 1);
      status_ = wholeNumber<int>(line.substr(space + 1, 3)).value_or(0);
      retryAfter_.reset();
      hasHead_ = false;
    } else if (hasHead_) {
      return;
    } else if (const auto value = headerValue(line, "retry-after")) {
      if (const auto seconds = wholeNumber<std::uint32_t>(*value)) retryAfter_ = std::chrono::seconds(*seconds);
    } else if (line == "\r\n" && status_ >= 200) {
      hasHead_ = true;
      changed_.ring();
    }
  }

  static std::size_t onBody(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Exchange*>(self)->body({data, size * count}) ? size * count : 0;
  }

  void noteArrival() {
    if (shared_) pool_->multi.noteArrival();
  }

  // False ends the exchange.
  bool body(std::string_view data) {
    noteArrival();
    if (streaming_ && status_ == 200) {
      data_.append(data);
      changed_.ring();
      return true;
    }
    tooLarge_ = body_.size() + data.size() > transport_.options_.maxBody;
    if (!tooLarge_) body_.append(data);
    return !tooLarge_;
  }

  CurlTransport& transport_;
  const curl::Library& curl_;
  const Request request_;
  const Credential credential_;
  const bool streaming_;
  Wake changed_;
  curl::ListPtr headers_;
  curl::ListPtr connectTo_;
  curl::EasyPtr easy_;
  Pool* pool_ = nullptr;
  char errorText_[CURL_ERROR_SIZE] = {};
  int status_ = 0;
  bool hasHead_ = false;
  bool shared_ = false;  // the connection, HTTP/2
  std::optional<Duration> retryAfter_;
  std::string body_;
  std::string data_;
  bool tooLarge_ = false;
  bool closed_ = false;
  std::optional<CURLcode> outcome_;
};

CurlTransport::CurlTransport(Loop& loop, Clock& clock, ClientConfig config, Options options)
    : loop_(loop), clock_(clock), config_(config), options_(std::move(options)), credentials_(loop, clock, config) {}

CurlTransport::~CurlTransport() = default;

Task<Result<Response>> CurlTransport::send(Request request) {
  return authorized(std::move(request), nullptr);
}

Task<Result<Response>> CurlTransport::stream(Request request, OnData onData) {
  return authorized(std::move(request), std::move(onData));
}

// On a connection of its own: those of the pools may be the ones that are dead.
Task<bool> CurlTransport::canConnect(Duration within) {
  Result<const curl::Library*> library = curl::loadLibrary();
  if (!library || !config_.proxyUrl.empty()) co_return true;
  const curl::Library& lib = **library;
  curl::EasyPtr easy(lib.easy_init(), curl::EasyCleanup{&lib});
  const std::string url = "http://" + config_.server.host + ":" + std::to_string(config_.server.port);
  lib.easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  lib.easy_setopt(easy.get(), CURLOPT_CONNECT_ONLY, 1L);
  lib.easy_setopt(easy.get(), CURLOPT_PROXY, "");
  lib.easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  lib.easy_setopt(easy.get(), CURLOPT_QUICK_EXIT, 1L);
  curl::Multi multi(loop_, lib);
  Wake changed(clock_);
  std::optional<CURLcode> outcome;
  std::function<void(CURLcode)> done = [&](CURLcode code) {
    outcome = code;
    changed.ring();
  };
  Taken taken(multi, easy.get());
  multi.add(easy.get(), std::move(done));
  co_await changed.waitUntil(clock_.now() + within);
  co_return outcome == CURLE_OK;
}

void CurlTransport::closeConnections() {
  for (Exchange* exchange : underWay_) exchange->connectionClosed();
  pools_.clear();
  identity_.reset();
}

void CurlTransport::setClientCertificate(Pem certificate, Pem key) {
  credentials_.setClientCertificate(std::move(certificate), std::move(key));
  closeConnections();
}

Task<Result<Response>> CurlTransport::authorized(Request request, OnData onData) {
  for (bool again = false;; again = true) {
    Result<Credential> credential = co_await credentials_.current();
    if (!credential) co_return fail(credential.error().within(describe(request, config_.server)));
    Result<Response> response = co_await once(request, onData, *credential);
    const bool tryAgain = response && response->status == 401 && !again && credentials_.refused(*credential);
    if (!tryAgain) co_return response;
  }
}

Task<Result<Response>> CurlTransport::once(Request request, OnData onData, Credential credential) {
  const std::string doing = describe(request, config_.server);
  const Duration timeout = request.timeout.value_or(options_.timeout);
  Result<const curl::Library*> library = curl::loadLibrary();
  if (!library) co_return fail(library.error().within(doing));
  speakFor(credential);
  Exchange exchange(*this, **library, std::move(request), std::move(credential), onData != nullptr);
  exchange.start();
  TimePoint due = clock_.now() + timeout;
  while (!exchange.done()) {
    const bool rung = co_await exchange.changed().waitUntil(due);
    // Out here, and not where curl hands it over: the receiver may do anything.
    if (const std::string data = exchange.takeData(); !data.empty()) onData(data);
    if (rung && onData && exchange.hasHead()) due = clock_.now() + timeout;
    if (!rung && !exchange.done())
      co_return fail(Code::kTimedOut, "",
                     doing + (onData && exchange.hasHead() ? ": nothing came for " : ": no answer within ") +
                         durationText(timeout));
  }
  co_return exchange.answer();
}

CurlTransport::Identity CurlTransport::identityOf(const Credential& credential) {
  Identity identity{.certificate = credential.certificate, .key = credential.key, .modified = {}};
  struct stat status = {};
  if (!credential.certificate.file.empty() && ::stat(credential.certificate.file.c_str(), &status) == 0) {
    identity.inode = status.st_ino;
    identity.modified = {status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  }
  return identity;
}

void CurlTransport::speakFor(const Credential& credential) {
  Identity identity = identityOf(credential);
  if (identity_ && *identity_ != identity) closeConnections();
  identity_ = std::move(identity);
}

// Streams keep to themselves: what waits for an answer gets one soon, which also shakes loose what libcurl may have
// forgotten on the connection; a stream may be silent for long.
CurlTransport::Pool& CurlTransport::enterPool(const curl::Library& library, bool streams) {
  auto pool = std::ranges::find_if(
      pools_, [streams](const Pool& one) { return one.streams == streams && one.used < kMaxShared; });
  if (pool == pools_.end()) pool = pools_.emplace(pools_.end(), loop_, library, streams);
  ++pool->used;
  return *pool;
}

// The first one for answers keeps its connections for what comes next. That of streams does not: libcurl tells the
// server of a stream that was given up only with the next data, and there would be none.
void CurlTransport::leavePool(Pool& pool) {
  if (--pool.used > 0) return;
  const auto first = std::ranges::find(pools_, false, &Pool::streams);
  if (pool.streams || &*first != &pool) pools_.remove_if([&pool](const Pool& one) { return &one == &pool; });
}

}  // namespace cubelet::apiserver
