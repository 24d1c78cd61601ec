#include "base/rpc/channel.h"

#include <cstdlib>
#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <limits>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include "base/log.h"
#include "base/rpc/completion.h"
#include "base/rpc/signals_blocked.h"

namespace cubelet::rpc {
namespace {

// sun_path holds 108 bytes with the closing zero.
constexpr std::size_t kMaxSocketPath = 107;

void onGrpcLog(gpr_log_func_args* args) {
  // The last words before it aborts.
  if (std::string_view(args->message).starts_with("assertion failed"))
    log::error(args->message, {{"from", "grpc"}});
  else
    log::debug(args->severity == GPR_LOG_SEVERITY_ERROR ? 4 : 6, args->message, {{"from", "grpc"}});
}

void prepareGrpcOnce() {
  static const bool prepared = [] {
    // A backup poller would wake every five seconds; the pump's thread polls always.
    setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "0", 0);
    // A connection that fails is told by the calls on it; gRPC's own lines would go to stderr beside the log.
    gpr_set_log_function(onGrpcLog);
    return true;
  }();
  (void)prepared;
}

grpc::ChannelArguments channelArguments(const ChannelOptions& options, bool local) {
  grpc::ChannelArguments args;
  // What grpc-go servers expect on a unix socket; the escaped path, gRPC's default, is refused by some.
  if (local) args.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  if (!options.userAgent.empty()) args.SetUserAgentPrefix(options.userAgent);
  args.SetMaxReceiveMessageSize(static_cast<int>(options.maxReceiveBytes));
  args.SetMaxSendMessageSize(-1);
  // Error texts travel as headers, and a runtime's can be long: the default of 8 KiB would hide them behind an error
  // about the size.
  args.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 256 << 10);
  // Trying a local socket costs next to nothing, while pods wait for the runtime to come back.
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);
  // In spite of its name: how long one attempt to connect may take. A busy runtime needs more than a moment to greet.
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  args.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Its own connection, and no table of connections that outlives the channel.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // No pings to estimate bandwidth, no timer to leave an idle connection.
  args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  args.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20);
  args.SetInt(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, std::numeric_limits<int>::max());
  args.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  args.SetInt("grpc.census", 0);
  return args;
}

// gRPC reads the path as part of a URI.
std::string targetOf(const std::string& path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string target = "unix:";
  for (unsigned char c : path) {
    if (c == '%' || c == '?' || c == '#' || c <= ' ' || c >= 0x7f) {
      target += '%';
      target += kHex[c >> 4];
      target += kHex[c & 15];
    } else {
      target += static_cast<char>(c);
    }
  }
  return target;
}

}  // namespace

void PumpState::start() {
  if (thread.joinable()) return;
  thread = std::thread([this] {
    pthread_setname_np(pthread_self(), "grpc-pump");
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
      // The call travels with the handler: if the loop never runs it, it goes with the loop's queue.
      boost::asio::post(loop.context(), [call = Completion::take(tag), ok] { call->done(ok); });
    }
  });
}

void PumpState::stop() {
  closed = true;
  for (Completion* call : open) call->cancel();
  queue.Shutdown();
  if (thread.joinable()) {
    thread.join();  // ends when gRPC has answered everything that was under way
    return;
  }
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
  }
}

Pump::Pump(Loop& loop) {
  SignalsBlocked blocked;
  prepareGrpcOnce();
  state_ = std::make_shared<PumpState>(loop);
}

Pump::~Pump() {
  state_->stop();
}

Result<std::string> socketPath(std::string_view endpoint) {
  std::string_view path = endpoint;
  if (path.starts_with("unix:")) path.remove_prefix(5);
  if (path.starts_with("//")) path.remove_prefix(2);
  if (!path.starts_with('/') || path.starts_with("//"))
    return fail(Code::kInvalid, "",
                "endpoint \"" + std::string(endpoint) + "\": want unix:///path/of/socket or an absolute path");
  if (path.size() > kMaxSocketPath)
    return fail(Code::kInvalid, "",
                "endpoint \"" + std::string(endpoint) + "\": a socket's path has at most " +
                    std::to_string(kMaxSocketPath) + " bytes");
  return std::string(path);
}

Result<std::shared_ptr<Channel>> Channel::create(Pump& pump, std::string_view endpoint, ChannelOptions options) {
  Result<std::string> path = socketPath(endpoint);
  if (!path) return fail(path.error());
  const std::string target = targetOf(*path);
  return make(pump, std::move(*path), target, true, options);
}

Result<std::shared_ptr<Channel>> Channel::createTcp(Pump& pump, std::string_view address, std::uint16_t port,
                                                    ChannelOptions options) {
  boost::system::error_code failure;
  const boost::asio::ip::address parsed = boost::asio::ip::make_address(address, failure);
  if (failure) return fail(Code::kInvalid, "", "\"" + std::string(address) + "\" is not an address");
  const bool v6 = parsed.is_v6();
  std::string path = (v6 ? "[" + std::string(address) + "]" : std::string(address)) + ":" + std::to_string(port);
  const std::string target = (v6 ? "ipv6:" : "ipv4:") + path;
  return make(pump, std::move(path), target, false, options);
}

std::shared_ptr<Channel> Channel::make(Pump& pump, std::string path, const std::string& target, bool local,
                                       const ChannelOptions& options) {
  SignalsBlocked blocked;
  pump.state_->start();
  auto state = std::make_unique<ChannelState>();
  state->pump = pump.state_;
  state->path = std::move(path);
  state->stub = std::make_unique<grpc::GenericStub>(
      grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), channelArguments(options, local)));
  return std::shared_ptr<Channel>(new Channel(std::move(state)));
}

Channel::Channel(std::unique_ptr<ChannelState> state) : state_(std::move(state)) {}
Channel::~Channel() = default;

const std::string& Channel::path() const {
  return state_->path;
}

}  // namespace cubelet::rpc
