// The `http` source of pods: staticPodURL.
#pragma once

#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "staticpods/source/delivery.h"
#include "staticpods/source/http_fetch.h"
#include "staticpods/source/manifest_set.h"
#include "staticpods/source/pod_set.h"
#include "staticpods/source/record_keeper.h"

namespace cubelet::staticpods {

// Fetches one manifest again and again (STA-2). What cannot be fetched or is not valid leaves the last good version in
// effect, also after a restart of the agent; only an answer that holds no pods any more (an empty List) takes them
// away.
class ManifestUrl {
 public:
  struct Options {
    std::string url;
    std::vector<HttpHeader> headers;
    std::string stateDirectory;  // for the record of this source alone; empty: none is kept
    std::string nodeName;
    References references = References::kRefused;
    Duration httpCheckFrequency = std::chrono::seconds(20);
    Duration timeout = std::chrono::seconds(10);
  };
  // `onChange` is called on the loop while run() runs. References must outlive this object.
  ManifestUrl(Loop& loop, Clock& clock, BlockingPool& pool, Options options, OnPodSet onChange);

  // Until cancelled. Once.
  Task<void> run();

 private:
  Task<void> fetch();
  void take(std::string text);

  Clock& clock_;
  Options options_;
  Delivery delivery_;
  HttpFetch http_;
  RecordKeeper records_;
  ManifestSet set_;
};

}  // namespace cubelet::staticpods
