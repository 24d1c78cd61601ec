#include "staticpods/source/problem_log.h"

#include "base/log.h"

namespace cubelet::staticpods {

void ProblemLog::tell(const std::vector<FileProblem>& problems) {
  std::set<std::pair<std::string, std::string>> now;
  std::set<std::string> files;
  for (const FileProblem& problem : problems) {
    files.insert(problem.file);
    for (const std::string& line : problem.problems) {
      now.emplace(problem.file, line);
      if (logged_.contains({problem.file, line})) continue;
      log::warning(subject_ + " is not in effect" + (problem.kept.empty() ? "" : ", its last good version is"),
                   {{"file", problem.file}, {"error", line}});
    }
  }
  std::set<std::string> over;
  for (const auto& [file, line] : logged_)
    if (!files.contains(file) && over.insert(file).second)
      log::notice(subject_ + " is no problem any more", {{"file", file}});
  logged_ = std::move(now);
}

}  // namespace cubelet::staticpods
