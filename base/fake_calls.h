// What was called on a fake, and what goes wrong next. For tests.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/park.h"
#include "base/result.h"
#include "base/task.h"

namespace cubelet {

// Loop thread only.
class FakeCalls {
 public:
  // `reads`: methods that change nothing; see actions().
  FakeCalls(Clock& clock, std::set<std::string> reads) : clock_(clock), reads_(std::move(reads)) {}

  // Names are those of the RPCs: "RunPodSandbox". Faults of one method are used up in the order they were queued, one
  // per call.
  void failNext(const std::string& method, Error error);
  // The call does its work, and its reply is lost.
  void failNextAfterEffect(const std::string& method, Error error);
  // Does nothing and never answers: kTimedOut after `deadline` on the clock (zero: never), or until letGo().
  void hangNext(const std::string& method, Duration deadline = std::chrono::minutes(2));
  // Answers that much later; the work is done at the end.
  void delayNext(const std::string& method, Duration by);
  // Every call of the method fails until clearFaults(), after the queued faults are used up.
  void failAlways(const std::string& method, Error error);
  void clearFaults();
  // Hanging calls go on as if nothing had been.
  void letGo();

  // "StartContainer(web)" in the order of their arrival; reads included.
  const std::vector<std::string>& all() const { return log_; }
  // Without calls that only read.
  std::vector<std::string> actions() const;
  int count(const std::string& method) const;
  int inFlight(const std::string& method) const;
  int maxInFlight(const std::string& method) const;
  void clearLog() { log_.clear(); }

  // Counts a call as in flight while it lives.
  class Visit {
   public:
    Visit(FakeCalls& calls, std::string method);
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    FakeCalls& calls_;
    std::string method_;
  };

  // Logs the call and carries out what is queued for it. An error: the call has failed. Otherwise the caller does its
  // work, and answers the error that is inside, if there is one.
  Task<Result<std::optional<Error>>> begin(std::string method, std::string object);

 private:
  struct Fault {
    std::optional<Error> error;
    std::optional<Error> afterEffect;
    std::optional<Duration> hang;
    Duration delay{0};
  };
  Task<Result<void>> hang(std::string method, Duration deadline);

  Clock& clock_;
  std::set<std::string> reads_;
  std::map<std::string, std::deque<Fault>> queued_;
  std::map<std::string, Error> always_;
  std::list<Park*> hanging_;
  unsigned letGoes_ = 0;
  std::vector<std::string> log_;
  std::map<std::string, int> inFlight_;
  std::map<std::string, int> maxInFlight_;
};

}  // namespace cubelet
