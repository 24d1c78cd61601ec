// Keeps signals away from the threads that gRPC starts. Inside of base/rpc only.
#pragma once

#include <csignal>

namespace cubelet::rpc {

// Signals belong to the loop's thread; a thread takes over the mask of the one that starts it, gRPC's own included.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace cubelet::rpc
