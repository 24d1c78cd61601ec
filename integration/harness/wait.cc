#include "integration/harness/wait.h"

#include <thread>

namespace cubelet::integration {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLookEvery{20};

std::string seconds(Duration time) {
  std::string text = std::to_string(std::chrono::duration<double>(time).count());
  return text.substr(0, text.find('.') + 2) + " s";
}

}  // namespace

::testing::AssertionResult eventually(const std::string& what, Duration givenLimit, const Look& look) {
  const Duration limit = patient(givenLimit);
  Clock::time_point end = Clock::now() + limit;
  std::string inTheWay;
  do {
    inTheWay = look();
    if (inTheWay.empty()) return ::testing::AssertionSuccess();
    std::this_thread::sleep_for(kLookEvery);
  } while (Clock::now() < end);
  return ::testing::AssertionFailure() << "not within " << seconds(limit) << ": " << what
                                       << "\nlast seen: " << inTheWay;
}

::testing::AssertionResult stays(const std::string& what, Duration time, const Look& look) {
  Clock::time_point begin = Clock::now();
  do {
    std::string wrong = look();
    if (!wrong.empty())
      return ::testing::AssertionFailure()
             << "no longer after " << seconds(Clock::now() - begin) << ": " << what << "\nseen: " << wrong;
    std::this_thread::sleep_for(kLookEvery);
  } while (Clock::now() - begin < time);
  return ::testing::AssertionSuccess();
}

Look all(std::vector<Look> looks) {
  return [looks = std::move(looks)] {
    for (const Look& look : looks)
      if (std::string inTheWay = look(); !inTheWay.empty()) return inTheWay;
    return std::string();
  };
}

}  // namespace cubelet::integration
