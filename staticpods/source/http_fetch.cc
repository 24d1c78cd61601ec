#include "staticpods/source/http_fetch.h"

#include <optional>
#include <utility>

#include "base/curl/error_text.h"
#include "base/curl/multi.h"
#include "base/time_text.h"
#include "base/wake.h"

namespace cubelet::staticpods {
namespace {

Code codeOf(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Code::kInvalid;
    case CURLE_OPERATION_TIMEDOUT:
      return Code::kTimedOut;
    default:
      return Code::kUnavailable;
  }
}

}  // namespace

// One GET. Callbacks of curl never resume the coroutine: they note what they were told and ring.
class HttpFetch::Transfer {
 public:
  Transfer(Loop& loop, Clock& clock, const curl::Library& curl, HttpRequest request)
      : curl_(curl),
        request_(std::move(request)),
        changed_(clock),
        headers_(nullptr, curl::ListCleanup{&curl}),
        multi_(loop, curl),
        easy_(curl.easy_init(), curl::EasyCleanup{&curl}) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() { multi_.remove(easy_.get()); }

  void start() {
    configure();
    multi_.add(easy_.get(), [this](CURLcode code) {
      outcome_ = code;
      changed_.ring();
    });
  }
  bool done() const { return outcome_.has_value(); }
  Wake& changed() { return changed_; }

  Result<std::string> answer() {
    const std::string doing = "get " + request_.url;
    if (tooLarge_)
      return fail(Code::kExhausted, "", doing + ": larger than " + std::to_string(request_.maxBytes) + " bytes");
    if (*outcome_ != CURLE_OK) {
      const std::string detail = curl::errorText(curl_, *outcome_, errorText_);
      return fail(codeOf(*outcome_), "", doing + ": " + detail);
    }
    long status = 0;
    curl_.easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) return fail(Code::kUnavailable, "", doing + ": answered with status " + std::to_string(status));
    return std::move(body_);
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_.easy_setopt(easy_.get(), option, value);
  }

  void configure() {
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 10L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // giving up does not wait for the thread of a name that nobody resolves
    set(CURLOPT_ACCEPT_ENCODING, nullptr);
    set(CURLOPT_USERAGENT, "cubelet");
    set(CURLOPT_ERRORBUFFER, errorText_);
    set(CURLOPT_WRITEFUNCTION, &Transfer::onBody);
    set(CURLOPT_WRITEDATA, this);
    for (const HttpHeader& header : request_.headers)
      // A header without value needs a semicolon, or curl takes it for one to leave out.
      curl::append(headers_, (header.value.empty() ? header.name + ";" : header.name + ": " + header.value).c_str());
    set(CURLOPT_HTTPHEADER, headers_.get());
  }

  static std::size_t onBody(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.tooLarge_ = transfer.body_.size() + size * count > transfer.request_.maxBytes;
    if (transfer.tooLarge_) return 0;  // ends the transfer
    transfer.body_.append(data, size * count);
    return size * count;
  }

  const curl::Library& curl_;
  HttpRequest request_;
  Wake changed_;
  curl::ListPtr headers_;
  curl::Multi multi_;
  curl::EasyPtr easy_;
  char errorText_[CURL_ERROR_SIZE] = {};
  std::string body_;
  bool tooLarge_ = false;
  std::optional<CURLcode> outcome_;
};

HttpFetch::HttpFetch(Loop& loop, Clock& clock) : loop_(loop), clock_(clock) {}

Task<Result<std::string>> HttpFetch::get(HttpRequest request) {
  const TimePoint deadline = clock_.now() + request.timeout;
  const std::string late = "get " + request.url + ": no answer within " + durationText(request.timeout);
  Result<const curl::Library*> library = curl::loadLibrary();
  if (!library) co_return fail(library.error().within("get " + request.url));
  Transfer transfer(loop_, clock_, **library, std::move(request));
  transfer.start();
  while (!transfer.done()) {
    const bool rung = co_await transfer.changed().waitUntil(deadline);
    if (!rung && !transfer.done()) co_return fail(Code::kTimedOut, "", late);
  }
  co_return transfer.answer();
}

}  // namespace cubelet::staticpods
