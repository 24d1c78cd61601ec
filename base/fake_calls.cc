#include "base/fake_calls.h"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/time_text.h"
#include "base/wake.h"

namespace cubelet {

void FakeCalls::failNext(const std::string& method, Error error) {
  Fault fault;
  fault.error = std::move(error);
  queued_[method].push_back(std::move(fault));
}

void FakeCalls::failNextAfterEffect(const std::string& method, Error error) {
  Fault fault;
  fault.afterEffect = std::move(error);
  queued_[method].push_back(std::move(fault));
}

void FakeCalls::hangNext(const std::string& method, Duration deadline) {
  Fault fault;
  fault.hang = deadline;
  queued_[method].push_back(std::move(fault));
}

void FakeCalls::delayNext(const std::string& method, Duration by) {
  Fault fault;
  fault.delay = by;
  queued_[method].push_back(std::move(fault));
}

void FakeCalls::failAlways(const std::string& method, Error error) {
  always_.insert_or_assign(method, std::move(error));
}

void FakeCalls::clearFaults() {
  queued_.clear();
  always_.clear();
}

void FakeCalls::letGo() {
  ++letGoes_;
  for (Park* park : hanging_) park->wake();
}

std::vector<std::string> FakeCalls::actions() const {
  std::vector<std::string> actions;
  for (const std::string& call : log_)
    if (!reads_.contains(call.substr(0, call.find('(')))) actions.push_back(call);
  return actions;
}

int FakeCalls::count(const std::string& method) const {
  auto isIt = [&](const std::string& call) { return call.substr(0, call.find('(')) == method; };
  return static_cast<int>(std::count_if(log_.begin(), log_.end(), isIt));
}

int FakeCalls::inFlight(const std::string& method) const {
  auto found = inFlight_.find(method);
  return found == inFlight_.end() ? 0 : found->second;
}

int FakeCalls::maxInFlight(const std::string& method) const {
  auto found = maxInFlight_.find(method);
  return found == maxInFlight_.end() ? 0 : found->second;
}

FakeCalls::Visit::Visit(FakeCalls& calls, std::string method) : calls_(calls), method_(std::move(method)) {
  int now = ++calls_.inFlight_[method_];
  int& most = calls_.maxInFlight_[method_];
  most = std::max(most, now);
}

FakeCalls::Visit::~Visit() {
  --calls_.inFlight_[method_];
}

Task<Result<std::optional<Error>>> FakeCalls::begin(std::string method, std::string object) {
  log_.push_back(method + "(" + object + ")");
  Fault fault;
  auto queue = queued_.find(method);
  if (queue != queued_.end() && !queue->second.empty()) {
    fault = std::move(queue->second.front());
    queue->second.pop_front();
  } else if (auto always = always_.find(method); always != always_.end()) {
    fault.error = always->second;
  }

  // Like a real call, none answers before its caller has let go of the loop.
  auto executor = co_await boost::asio::this_coro::executor;
  co_await boost::asio::post(executor, boost::asio::use_awaitable);

  if (fault.hang) {
    Result<void> waited = co_await hang(method, *fault.hang);
    if (!waited) co_return fail(std::move(waited.error()));
  }
  if (fault.delay > Duration(0)) co_await clock_.sleep(fault.delay);
  if (fault.error) co_return fail(std::move(*fault.error));
  co_return std::move(fault.afterEffect);
}

Task<Result<void>> FakeCalls::hang(std::string method, Duration deadline) {
  struct Listed {
    Listed(std::list<Park*>& list, Park* park) : list_(list), it_(list.insert(list.end(), park)) {}
    ~Listed() { list_.erase(it_); }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;
    std::list<Park*>& list_;
    std::list<Park*>::iterator it_;
  };
  Park park;
  Listed listed(hanging_, &park);
  const unsigned before = letGoes_;
  bool late = false;
  Timer timer;
  if (deadline > Duration(0))
    timer = clock_.after(deadline, [&late, &park] {
      late = true;
      park.wake();
    });
  while (letGoes_ == before && !late) {
    co_await park.wait();
    co_await throwIfCancelled();
  }
  if (letGoes_ == before) co_return fail(Code::kTimedOut, "", method + ": no answer within " + durationText(deadline));
  co_return Result<void>();
}

}  // namespace cubelet
