#include "kubelet/apiserver/reflector_rules.h"

#include "kubelet/apiserver/wire.h"

namespace cubelet::apiserver {
namespace {

// A watch that lived this long has done no harm; shorter ones without any event would make a busy loop.
constexpr Duration kVeryShort = std::chrono::seconds(1);

bool isUnknownVersion(const Error& error) {
  return isExpired(error) || error.reason == kTooLargeResourceVersion;
}

}  // namespace

Step afterWatch(const WatchEnd& end, Next relist) {
  if (!end.error) return {.next = Next::kWatch, .wait = end.events == 0 && end.lived < kVeryShort};
  // Expired: the last known version may still be good for a list. One from the future never is.
  if (isExpired(*end.error)) return {.next = relist, .wait = true};
  if (end.error->reason == kTooLargeResourceVersion) return {.next = relist, .wait = true, .forget = true};
  // A cut connection is opened again at once; a refused one, or a server that says no, gets time.
  if (isRetryable(end.error->code)) return {.next = Next::kWatch, .wait = end.fromServer || end.events == 0};
  return {.next = relist, .wait = true};
}

Step afterWatchList(const WatchEnd& end, const std::string& version) {
  // Ended, or silent: this server or something before it does not do what was asked. A list does.
  if (!end.error || end.error->code == Code::kTimedOut) {
    if (end.error && end.error->reason == kTooLargeResourceVersion)
      return {.next = Next::kWatchList, .wait = version.empty(), .forget = true};
    return {.next = Next::kList};
  }
  if (isUnknownVersion(*end.error)) return {.next = Next::kWatchList, .wait = version.empty(), .forget = true};
  if (isRetryable(end.error->code)) return {.next = Next::kWatchList, .wait = true};
  // Servers before 1.27 forbid resourceVersionMatch on a watch.
  const bool refused = end.error->reason == "Invalid" || end.error->reason == "BadRequest";
  return {.next = Next::kList, .refused = refused};
}

Step afterList(const Error& error, const std::string& version, Next relist) {
  if (isUnknownVersion(error)) return {.next = relist, .wait = version.empty(), .forget = true};
  return {.next = relist, .wait = true};
}

Query watchQuery(const WatchQuery& watch) {
  Query query = {{"watch", "true"}, {"allowWatchBookmarks", "true"}};
  if (watch.initialObjects) {
    query.emplace_back("sendInitialEvents", "true");
    query.emplace_back("resourceVersionMatch", "NotOlderThan");
  }
  if (!watch.version.empty() || watch.initialObjects) query.emplace_back("resourceVersion", watch.version);
  query.emplace_back("timeoutSeconds", std::to_string(watch.timeout.count()));
  if (!watch.fieldSelector.empty()) query.emplace_back("fieldSelector", watch.fieldSelector);
  return query;
}

Query listQuery(const std::string& version, const std::string& fieldSelector, const std::string& continueToken) {
  Query query;
  if (!continueToken.empty())
    query.emplace_back("continue", continueToken);
  else if (!version.empty())
    query.emplace_back("resourceVersion", version);
  if (!fieldSelector.empty()) query.emplace_back("fieldSelector", fieldSelector);
  return query;
}

}  // namespace cubelet::apiserver
