// What a reflector does next (surface 4.3). Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "kubelet/apiserver/resource.h"

namespace cubelet::apiserver {

// How a watch, or the part of one that delivers the first objects, came to its end.
struct WatchEnd {
  std::optional<Error> error;  // nothing: the server closed it
  bool fromServer = false;     // the error came as an ERROR event
  std::size_t events = 0;      // bookmarks count
  Duration lived{0};
};

enum class Next { kWatch, kWatchList, kList };

struct Step {
  Next next = Next::kWatch;
  bool wait = false;     // for the back-off first
  bool forget = false;   // the known resourceVersion is of no use any more: ask for the latest state
  bool refused = false;  // the server does not know watches with initial objects
  bool operator==(const Step&) const = default;
};

// A watch from a known version. Nothing is lost as long as the server still has the events after it, so everything that
// may pass leads to the same watch again; everything else to a list. `relist`: how this server lists.
Step afterWatch(const WatchEnd& end, Next relist);
// A watch that ended before its initial objects were complete. `version`: the one it asked for.
Step afterWatchList(const WatchEnd& end, const std::string& version);
Step afterList(const Error& error, const std::string& version, Next relist);

struct WatchQuery {
  std::string version;
  std::string fieldSelector;
  std::chrono::seconds timeout{0};  // after which the server ends it
  bool initialObjects = false;
};
Query watchQuery(const WatchQuery& watch);
// A page after the first needs its token only: it is bound to the version of the first.
Query listQuery(const std::string& version, const std::string& fieldSelector, const std::string& continueToken);

}  // namespace cubelet::apiserver
