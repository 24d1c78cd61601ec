#include "staticpods/source/delivery.h"

#include "base/log.h"

namespace cubelet::staticpods {

void Delivery::deliver(ManifestSet& set, WallTime now) {
  const bool changed = set.settle(now);
  if (!changed && delivered_) return;
  delivered_ = true;
  PodSet pods = set.podSet();
  logProblems(pods);
  onChange_(std::move(pods));
}

void Delivery::logProblems(const PodSet& set) {
  std::set<std::pair<std::string, std::string>> now;
  std::set<std::string> files;
  for (const FileProblem& problem : set.problems) {
    files.insert(problem.file);
    for (const std::string& line : problem.problems) {
      now.emplace(problem.file, line);
      if (logged_.contains({problem.file, line})) continue;
      const bool keeps = !problem.keptPods.empty();
      log::warning(keeps ? "manifest is not in effect, its last good version is" : "manifest is not in effect",
                   {{"file", problem.file}, {"error", line}});
    }
  }
  std::set<std::string> over;
  for (const auto& [file, line] : logged_)
    if (!files.contains(file) && over.insert(file).second)
      log::notice("manifest is no problem any more", {{"file", file}});
  logged_ = std::move(now);
}

}  // namespace cubelet::staticpods
