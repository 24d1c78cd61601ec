// ProblemLog: says each problem with a file once, and once more when it is over.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "staticpods/source/pod_set.h"

namespace cubelet::staticpods {

class ProblemLog {
 public:
  // `subject` is what the files are: "manifest".
  explicit ProblemLog(std::string subject) : subject_(std::move(subject)) {}

  // All problems that there are now.
  void tell(const std::vector<FileProblem>& problems);

 private:
  std::string subject_;
  std::set<std::pair<std::string, std::string>> logged_;  // file, problem
};

}  // namespace cubelet::staticpods
