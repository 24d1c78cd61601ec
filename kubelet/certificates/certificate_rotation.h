// When to ask for another certificate (surface 4.10). Pure: no clock, no files.
#pragma once

#include <optional>

#include "base/clock.h"
#include "kubelet/certificates/certificate_request.h"
#include "kubelet/certificates/key_pair.h"

namespace cubelet::apiserver {

// The moment to renew: after 70 to 90 % of the lifetime. `random`, in [0, 1), says where between; drawn once for each
// certificate. A lifetime that is none: at its begin.
WallTime renewalTime(const CertificateFacts& certificate, double random);

// A certificate is valid until the end of the second that notAfter names.
bool isExpired(const CertificateFacts& certificate, WallTime now);
// One that begins in the future counts as usable: it is our clock that is wrong, and the server's that matters.

enum class RenewalNeed {
  kNone,
  kMissing,  // there is no certificate
  kExpired,
  kSubject,  // it names another one than is wanted, or less
  kDue,      // renewalTime() has come
};

struct RenewalInput {
  const CertificateFacts* current = nullptr;   // null: there is none
  WallTime renewAt;                            // of `current`
  const CertificateSubject* wanted = nullptr;  // null: not known yet (a serving certificate before the node has an
                                               // address); then nothing is asked for
};
RenewalNeed renewalNeed(const RenewalInput& input, WallTime now);

// How long to sleep when renewalNeed() says kNone and nothing else changes: until `renewAt`, but at most an hour, since
// the wall clock may be set and timers do not count the time that a machine is suspended. Nothing: until something
// changes.
std::optional<Duration> untilNextLook(const RenewalInput& input, WallTime now);

// The pause after this many failures in a row (from 1): 2, 4, 8, 16, then always 32 s, each up to 10 % longer.
Duration renewalPause(int failures, double random);

}  // namespace cubelet::apiserver
