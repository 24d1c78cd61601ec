// RuntimeStream: a connection to the streaming server of the runtime, with several streams on it.
#pragma once

#include <cstdint>
#include <memory>
#include <poll.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kubelet/client/agent_client.h"
#include "kubelet/client/spdy.h"

namespace cubelet::client {

// Where the runtime serves what is asked for, as the agent's local socket tells it.
struct StreamPlace {
  std::string address;
  std::uint16_t port = 0;
  std::string path;
};
// `target`: "/exec?...", see kubelet/server/answers.h.
Result<StreamPlace> askForStream(AgentClient& agent, const std::string& target);

// Blocks in open() only; the rest is for a loop around poll().
class RuntimeStream {
 public:
  // `protocols` are those inside the streams, the best first ("v4.channel.k8s.io").
  static Result<RuntimeStream> open(const StreamPlace& place, const std::vector<std::string>& protocols);

  // The id of a new stream.
  std::uint32_t openStream(const std::vector<std::pair<std::string, std::string>>& headers);
  void send(std::uint32_t stream, std::string_view bytes, bool last = false);
  void reset(std::uint32_t stream) { out_ += SpdyWriter::reset(stream); }

  int fd() const { return fd_.get(); }
  // The runtime takes bytes too slowly: none should be read for it now.
  bool tooMuchWaiting() const { return out_.size() > std::size_t{256} * 1024; }
  // What poll() shall wait for, on top of POLLIN.
  short wantsToWrite() const { return out_.empty() ? 0 : POLLOUT; }

  // Hands on what waits, as far as the connection takes it.
  Result<void> flush();
  // What has come: data and ends of streams. `ended` when the runtime has hung up. Does not block.
  struct News {
    std::vector<SpdyFrame> frames;
    bool ended = false;
  };
  Result<News> read();

 private:
  RuntimeStream(Fd fd, std::string rest);

  Fd fd_;
  std::unique_ptr<SpdyWriter> writer_;
  SpdyReader reader_;
  std::uint32_t nextId_ = 1;
  std::string out_;
};

}  // namespace cubelet::client
