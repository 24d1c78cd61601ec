#include "base/blocking.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <pthread.h>
#include <signal.h>
#include <system_error>
#include <thread>

#include "base/time_text.h"
#include "base/wake.h"

namespace cubelet {

// Shared by the waiting coroutine, the queue and the thread that runs the call.
struct Call {
  Call(Clock& clock, std::function<void()> work) : work(std::move(work)), done(clock) {}
  std::function<void()> work;
  Wake done;           // loop thread only
  bool begun = false;  // under State::mutex
};

// Outlives the pool for as long as a hung thread needs it.
struct BlockingPool::State {
  State(Loop& loop, std::size_t maxThreads, std::chrono::milliseconds linger)
      : loop(&loop), maxThreads(maxThreads), linger(linger) {}

  std::mutex mutex;
  std::condition_variable more;  // in the queue, or the end of the pool
  Loop* loop;                    // null once the pool is gone
  const std::size_t maxThreads;
  const std::chrono::milliseconds linger;
  std::size_t threads = 0;
  std::size_t awaited = 0;  // loop thread only
  std::size_t idle = 0;     // threads without a call: new ones, and those that linger
  std::deque<std::shared_ptr<Call>> queue;

  static Result<void> submit(const std::shared_ptr<State>& state, std::shared_ptr<Call> call);
  // Takes back a call that has not begun; true when it had.
  bool giveUp(const std::shared_ptr<Call>& call);
  // Waits for a call; null: none has come, the thread is to end.
  std::shared_ptr<Call> take(std::unique_lock<std::mutex>& lock);
  void report(std::shared_ptr<Call> call);  // with the mutex held
  static void serve(const std::shared_ptr<State>& state);
};

Result<void> BlockingPool::State::submit(const std::shared_ptr<State>& state, std::shared_ptr<Call> call) {
  const std::scoped_lock lock(state->mutex);
  state->queue.push_back(std::move(call));
  if (state->idle >= state->queue.size()) {
    state->more.notify_one();
    return {};
  }
  if (state->threads >= state->maxThreads) return {};

  // Signals belong to the loop's thread: a new thread inherits the mask it is started under.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<void> started;
  try {
    std::thread([state] { serve(state); }).detach();
    ++state->threads;
    ++state->idle;
  } catch (const std::system_error& error) {
    // Threads that exist will come to it later; without any, nobody would.
    if (state->threads == 0) {
      state->queue.pop_back();
      started = fail(Code::kExhausted, "", std::string("start a thread: ") + error.what());
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

bool BlockingPool::State::giveUp(const std::shared_ptr<Call>& call) {
  const std::scoped_lock lock(mutex);
  std::erase(queue, call);
  return call->begun;
}

std::shared_ptr<Call> BlockingPool::State::take(std::unique_lock<std::mutex>& lock) {
  more.wait_for(lock, linger, [this] { return !queue.empty() || loop == nullptr; });
  if (queue.empty()) return nullptr;
  std::shared_ptr<Call> call = std::move(queue.front());
  queue.pop_front();
  call->begun = true;
  return call;
}

void BlockingPool::State::report(std::shared_ptr<Call> call) {
  if (loop == nullptr) return;
  loop->post([call = std::move(call)] { call->done.ring(); });
}

void BlockingPool::State::serve(const std::shared_ptr<State>& state) {
  pthread_setname_np(pthread_self(), "blocking");
  std::unique_lock lock(state->mutex);
  while (std::shared_ptr<Call> call = state->take(lock)) {
    --state->idle;
    lock.unlock();
    call->work();
    lock.lock();
    ++state->idle;
    state->report(std::move(call));
  }
  --state->idle;
  --state->threads;
}

BlockingPool::BlockingPool(Loop& loop, Clock& clock, std::size_t maxThreads, std::chrono::milliseconds linger)
    : state_(std::make_shared<State>(loop, maxThreads, linger)), loop_(loop), clock_(clock) {}

BlockingPool::~BlockingPool() {
  const std::scoped_lock lock(state_->mutex);
  state_->loop = nullptr;
  state_->queue.clear();
  state_->more.notify_all();
}

std::size_t BlockingPool::threads() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->threads;
}

std::size_t BlockingPool::awaited() const {
  return state_->awaited;
}

Task<Result<void>> BlockingPool::runJob(std::string doing, Duration deadline, std::function<void()> job) {
  // Gives the call up when the task is cancelled, too.
  struct GiveUp {
    std::shared_ptr<State> state;
    std::shared_ptr<Call> call;
    GiveUp(std::shared_ptr<State> s, std::shared_ptr<Call> c) : state(std::move(s)), call(std::move(c)) {
      ++state->awaited;
    }
    GiveUp(const GiveUp&) = delete;
    GiveUp& operator=(const GiveUp&) = delete;
    ~GiveUp() {
      --state->awaited;
      state->giveUp(call);
    }
  };
  const TimePoint until = clock_.now() + deadline;
  auto call = std::make_shared<Call>(clock_, std::move(job));
  if (auto submitted = State::submit(state_, call); !submitted) co_return fail(submitted.error().within(doing));
  const GiveUp guard{state_, call};

  const bool answered = co_await call->done.waitUntil(until);
  if (answered) co_return Result<void>();
  const std::string within = " within " + durationText(deadline);
  if (guard.state->giveUp(call)) co_return fail(Code::kTimedOut, "", doing + ": no answer" + within);
  co_return fail(
      Code::kTimedOut, "",
      doing + ": not begun" + within + ", all " + std::to_string(guard.state->maxThreads) + " threads are busy");
}

}  // namespace cubelet
