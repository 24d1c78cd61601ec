// Channel: one gRPC connection to a unix socket or a TCP port. Pump: the thread behind all channels of a loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/loop.h"
#include "base/result.h"

namespace cubelet::rpc {

struct PumpState;
struct ChannelState;

// Waits for gRPC's completions on a thread of its own and does nothing there but post them to the loop. The thread
// starts with the first channel. Destroy it after the tasks that make calls have ended and before the loop: what is
// still in flight then is cancelled, and its tasks are answered with kCancelled if the loop runs on. Loop thread only.
class Pump {
 public:
  explicit Pump(Loop& loop);
  ~Pump();
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

 private:
  friend class Channel;
  std::shared_ptr<PumpState> state_;
};

struct ChannelOptions {
  // A larger reply fails with kExhausted. 16 MiB is what a kubelet and a runtime agree on.
  std::size_t maxReceiveBytes = std::size_t{16} << 20;
  std::string userAgent;  // before gRPC's own
};

// Connects with the first call and reconnects by itself, within 0.3 s of the socket being served again. While
// nobody listens a call fails at once with kUnavailable; nothing is retried. Every channel has a connection of its own:
// share the channel to share it. Loop thread only.
class Channel {
 public:
  // `endpoint`: "unix:///run/x.sock", "unix:/run/x.sock" or "/run/x.sock". kInvalid: anything else. Nothing is dialled.
  static Result<std::shared_ptr<Channel>> create(Pump& pump, std::string_view endpoint, ChannelOptions options = {});
  // In plain text to a numeric address. kInvalid: it is none.
  static Result<std::shared_ptr<Channel>> createTcp(Pump& pump, std::string_view address, std::uint16_t port,
                                                    ChannelOptions options = {});
  ~Channel();

  // The path of the socket or address and port, as error messages name it.
  const std::string& path() const;

  // For the calls in this folder.
  ChannelState& state() { return *state_; }

 private:
  explicit Channel(std::unique_ptr<ChannelState> state);
  static std::shared_ptr<Channel> make(Pump& pump, std::string path, const std::string& target, bool local,
                                       const ChannelOptions& options);
  std::unique_ptr<ChannelState> state_;
};

using ChannelPtr = std::shared_ptr<Channel>;

// The socket's path in an endpoint, as create() understands it. Pure.
Result<std::string> socketPath(std::string_view endpoint);

}  // namespace cubelet::rpc
