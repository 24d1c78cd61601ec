// TokenBucket: a client-side limit of requests per second. Data only: no timer.
#pragma once

#include "base/clock.h"

namespace cubelet::apiserver {

class TokenBucket {
 public:
  // `perSecond` tokens come back each second, `burst` of them are there at the start. perSecond <= 0: no limit.
  TokenBucket(double perSecond, int burst);

  // Takes a token and answers how long to wait before using it; those who ask in order are served in order.
  Duration take(TimePoint now);
  // Takes a token that is there now; false when there is none.
  bool tryTake(TimePoint now);

 private:
  Duration interval_{0};  // between two tokens
  Duration depth_{0};     // of the whole bucket, in time
  TimePoint filled_;      // when the bucket is full again if nobody asks any more
};

}  // namespace cubelet::apiserver
