#include "kubelet/nodeapi/container_log.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "base/wake.h"
#include "kubelet/logs/log_file.h"
#include "kubelet/logs/log_source.h"
#include "kubelet/nodeapi/log_query.h"

namespace cubelet::nodeapi {
namespace {

// The runtime may still write what the container has said when its end is known already.
constexpr Duration kLastWords = std::chrono::milliseconds(100);

// What a follower must know of the container that it follows.
struct Followed {
  std::string uid;
  std::string container;
  std::uint32_t attempt = 0;
};

bool runs(const NodeView& view, const Followed& followed) {
  const observe::ObservedPod* pod = view.observed(followed.uid);
  if (pod == nullptr) return false;
  return std::ranges::any_of(pod->containers, [&](const observe::ObservedContainer& one) {
    return one.name == followed.container && one.attempt == followed.attempt &&
           one.state == observe::ContainerState::kRunning;
  });
}

class LogBody final : public web::BodySource {
 public:
  // `room`: for what is read, shared by all of them.
  LogBody(Clock& clock, const NodeView& view, logs::LogFile log, std::optional<std::uint64_t> limit,
          std::shared_ptr<std::string> room)
      : clock_(clock), view_(view), log_(std::move(log)), left_(limit), room_(std::move(room)), wake_(clock) {}
  LogBody(const LogBody&) = delete;
  LogBody& operator=(const LogBody&) = delete;

  Result<void> follow(LogWatch& watch, const std::string& directory, Followed followed) {
    Result<LogWatch::Subscription> subscription = watch.follow(directory, followed.uid, wake_);
    if (!subscription) return fail(subscription.error());
    subscription_ = std::move(*subscription);
    followed_ = std::move(followed);
    return {};
  }

  ~LogBody() override { *room_ = std::string(); }

  Next read(std::string& out) override {
    if (stopped_ || (left_ && *left_ == 0)) return Next::kEnd;
    const std::size_t before = out.size();
    Result<bool> more = log_.read(out, *room_);
    if (!more) {
      log::warning("cannot read a container's log", {{"error", more.error().message}});
      return Next::kEnd;
    }
    if (left_) {
      if (out.size() - before > *left_) out.resize(before + *left_);
      *left_ -= out.size() - before;
    }
    if (*more) return Next::kMore;
    *room_ = std::string();
    return followed_ && !over_ ? Next::kLater : Next::kEnd;
  }

  // All has been read, for now.
  Task<void> wait() override {
    if (runs(view_, *followed_)) {
      co_await wake_.wait();
    } else {
      over_ = true;
      co_await clock_.sleep(kLastWords);
    }
  }

  void stop() override {
    stopped_ = true;
    wake_.ring();
  }

 private:
  Clock& clock_;
  const NodeView& view_;
  logs::LogFile log_;
  std::optional<std::uint64_t> left_;  // of the bytes that may be sent
  std::shared_ptr<std::string> room_;
  Wake wake_;
  std::optional<Followed> followed_;
  LogWatch::Subscription subscription_;
  bool over_ = false;
  bool stopped_ = false;
};

}  // namespace

void ContainerLogs::addRoutes(web::Router& router) {
  router.add({.methods = {"GET"},
              .pattern = "/containerLogs/{namespace}/{pod}/{container}",
              .handler = [this](web::RequestPtr request) { return serve(std::move(request)); },
              .always = false});
}

Task<web::Reply> ContainerLogs::serve(web::RequestPtr request) {
  LogQuery query;
  if (std::optional<BadLogQuery> bad = readLogQuery(request->target, clock_.wallNow(), query))
    co_return web::textReply(bad->status, bad->text);
  const std::string& name = request->parameter("pod");
  const std::string& container = request->parameter("container");
  const std::optional<core::Pod> pod = view_.pod(request->parameter("namespace"), name);
  if (!pod) co_return web::textReply(404, fmt::format("pod \"{}\" does not exist\n", name));
  const std::vector<std::string> names = logs::containerNames(*pod);
  if (std::ranges::find(names, container) == names.end())
    co_return web::textReply(404, fmt::format("container \"{}\" not found in pod \"{}\"\n", container, name));
  Result<logs::LogSource> source = logs::logSource(*pod, container, query.previous);
  if (!source) co_return web::textReply(400, source.error().message);

  // What is written between this and the watch is there at the first read, which comes later.
  Result<logs::LogFile> log = logs::LogFile::open(directory_, source->path, query.tail, query.format);
  if (!log)
    co_return web::textReply(log.error().code == Code::kNotFound ? 400 : 500,
                             fmt::format("cannot read the log of container \"{}\" in pod \"{}\": {}\n", container, name,
                                         log.error().message));
  auto body = std::make_shared<LogBody>(clock_, view_, std::move(*log), query.limit, readRoom_);
  if (query.follow && source->running) {
    Followed followed{
        .uid = pod->metadata().uid(), .container = container, .attempt = static_cast<std::uint32_t>(source->attempt)};
    const std::string path = joinPath(directory_, source->path);
    Result<void> following = body->follow(watch_, path.substr(0, path.rfind('/')), std::move(followed));
    if (!following) co_return web::textReply(500, following.error().message);
  }
  web::Reply reply;
  reply.contentType = "text/plain";
  reply.source = std::move(body);
  co_return reply;
}

}  // namespace cubelet::nodeapi
