// An HTTP server inside the test's process that answers what the test wants. For tests only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/task_group.h"

namespace cubelet::http {

// Listens on 127.0.0.1. Each connection is one task; it reads one request, up to the empty line, answers and closes.
class TestServer {
 public:
  // From the request to the bytes of the answer; "" closes without a word.
  using Answer = std::function<std::string(const std::string& request)>;
  enum class Kind { kPlain, kTls };

  TestServer(Loop& loop, Answer answer, Kind kind = Kind::kPlain);
  ~TestServer();  // runs the loop until every connection has ended
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::uint16_t port() const;
  // Takes requests and never answers them.
  void setSilent(bool silent) { silent_ = silent; }
  // Answers the first bytes, whatever they are.
  void answerAnything() { anything_ = true; }
  void setAnswer(Answer answer) { answer_ = std::move(answer); }
  const std::vector<std::string>& requests() const { return requests_; }
  int connections() const { return connections_; }
  int open() const { return open_; }

 private:
  struct State;
  Task<void> acceptAll();
  template <class Stream>
  Task<void> serve(std::shared_ptr<Stream> stream);

  Answer answer_;
  bool silent_ = false;
  bool anything_ = false;
  std::vector<std::string> requests_;
  int connections_ = 0;
  int open_ = 0;
  Loop& loop_;
  TaskGroup tasks_;
  std::unique_ptr<State> state_;
};

// "HTTP/1.1 200 OK" with a body and its length.
std::string okAnswer(const std::string& body = "ok");
std::string answerWith(int status, const std::string& headers = "", const std::string& body = "");

}  // namespace cubelet::http
