// What an evicted pod's status and event say (EVI-8). Pure. Users and programs match on these words.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kubelet/eviction/ranking.h"
#include "kubelet/eviction/thresholds.h"

namespace cubelet::eviction {

inline constexpr char kEvicted[] = "Evicted";  // reason of the status and of the event

struct Notice {
  std::string message;
  std::map<std::string, std::string> annotations;  // of the event
};

// `met`: all thresholds that are met, of which `resource` is to be reclaimed.
Notice evictionNotice(Resource resource, const Candidate& pod, const std::vector<Threshold>& met,
                      const Readings& readings);

}  // namespace cubelet::eviction
