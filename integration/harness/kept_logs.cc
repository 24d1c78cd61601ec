#include "integration/harness/kept_logs.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <vector>

#include "integration/harness/built.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

// klog begins a line with the severity and the date: "I1124 19:41:17".
bool isLogged(const std::string& line, const std::string& severities) {
  return line.size() > 5 && severities.find(line[0]) != std::string::npos &&
         std::all_of(line.begin() + 1, line.begin() + 5, ::isdigit);
}

bool saysThatItDies(const std::string& line) {
  for (const char* begin : {"panic: ", "fatal error: ", "unexpected fault address", "Error: ", "SIG"})
    if (line.starts_with(begin)) return true;
  return isLogged(line, "F");
}

std::string nameOfTest() {
  const auto& all = *::testing::UnitTest::GetInstance();
  const auto* test = all.current_test_info();
  if (test != nullptr) return std::string(test->test_suite_name()) + "." + test->name();
  return all.current_test_suite() != nullptr ? all.current_test_suite()->name() : "before";
}

}  // namespace

fs::path keepLog(const fs::path& log) {
  fs::path to = built::keptLogs() / nameOfTest();
  std::error_code missing;
  fs::create_directories(to, missing);
  fs::remove_all(to / log.filename(), missing);
  fs::copy(log, to / log.filename(), fs::copy_options::recursive | fs::copy_options::copy_symlinks, missing);
  return to;
}

std::string lastWords(const fs::path& log) {
  constexpr std::size_t kOfDeath = 40;
  constexpr std::size_t kOtherwise = 15;
  std::ifstream in(log);
  std::vector<std::string> lines;
  std::optional<std::size_t> died;
  for (std::string line; std::getline(in, line); lines.push_back(line)) {
    if (isLogged(line, "IWE")) died.reset();  // a later run
    if (!died && saysThatItDies(line)) died = lines.size();
  }
  std::size_t from = died.value_or(lines.size() - std::min(lines.size(), kOtherwise));
  std::size_t to = std::min(lines.size(), from + (died ? kOfDeath : kOtherwise));
  std::string text;
  for (; from < to; ++from) text += lines[from] + "\n";
  return text;
}

}  // namespace cubelet::integration
