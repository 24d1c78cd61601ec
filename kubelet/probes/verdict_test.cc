#include "kubelet/probes/verdict.h"

#include <gtest/gtest.h>

namespace cubelet::probes {
namespace {

using Outcome = Answer::Outcome;

// "+" for an answer that succeeds, "-" for one that fails; what count() says after each: "S", "F" or ".".
std::string play(int successThreshold, int failureThreshold, const std::string& answers) {
  Counter counter(successThreshold, failureThreshold);
  std::string verdicts;
  for (char answer : answers) {
    const std::optional<bool> verdict = counter.count(answer == '+');
    verdicts += !verdict ? '.' : *verdict ? 'S' : 'F';
  }
  return verdicts;
}

TEST(Counter, PRB_6_AVerdictNeedsAsManyAnswersInARow) {
  struct Row {
    const char* name;
    int success;
    int failure;
    const char* answers;
    const char* want;
  };
  for (const Row& row : {
           Row{"defaults", 1, 3, "+--+---+", "S..S..FS"},
           Row{"the other answer starts anew", 1, 3, "--+--+---", "..S..S..F"},
           Row{"two successes", 2, 1, "++-+++", ".SF.SS"},
           Row{"the first answer counts as one", 1, 1, "-+", "FS"},
           Row{"failures repeat the verdict", 1, 2, "----", ".FFF"},
           Row{"nonsense counts as one", 0, -1, "-+", "FS"},
       }) {
    EXPECT_EQ(play(row.success, row.failure, row.answers), row.want) << row.name;
  }
}

TEST(Events, PRB_9_UpstreamsWords) {
  struct Row {
    Kind kind;
    Answer answer;
    std::optional<ProbeEvent> want;
  };
  const Row rows[] = {
      {Kind::kReadiness, {Outcome::kSuccess, "ok"}, std::nullopt},
      {Kind::kReadiness, {Outcome::kFailure, "no"}, ProbeEvent{"Unhealthy", "Readiness probe failed: no"}},
      {Kind::kLiveness, {Outcome::kFailure, "no"}, ProbeEvent{"Unhealthy", "Liveness probe failed: no"}},
      {Kind::kStartup, {Outcome::kFailure, ""}, ProbeEvent{"Unhealthy", "Startup probe failed: "}},
      {Kind::kStartup, {Outcome::kWarning, "hm"}, ProbeEvent{"ProbeWarning", "Startup probe warning: hm"}},
      {Kind::kLiveness,
       {Outcome::kUnknown, "what"},
       ProbeEvent{"Unhealthy", "Liveness probe errored and resulted in unknown state: what"}},
  };
  for (const Row& row : rows) EXPECT_EQ(eventOf(row.kind, row.answer), row.want) << row.answer.output;
}

}  // namespace
}  // namespace cubelet::probes
