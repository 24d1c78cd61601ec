#include "kubelet/certificates/certificate_rotation.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace cubelet::apiserver {
namespace {

using std::chrono::seconds;

constexpr double kEarliest = 0.7;
constexpr double kSpread = 0.2;
constexpr Duration kLongestSleep = std::chrono::hours(1);
constexpr seconds kFirstPause{2};
constexpr int kDoublings = 4;
constexpr double kPauseJitter = 0.1;

seconds wholeSeconds(WallTime time) {
  return std::chrono::floor<seconds>(time.time_since_epoch());
}

}  // namespace

WallTime renewalTime(const CertificateFacts& certificate, double random) {
  // In seconds: the nanoseconds between 1950 and 2262 do not fit.
  const seconds begin = wholeSeconds(certificate.notBefore);
  const seconds lifetime = wholeSeconds(certificate.notAfter) - begin;
  if (lifetime <= seconds(0)) return certificate.notBefore;
  const double share = kEarliest + kSpread * random;
  return WallTime(begin + seconds(std::llround(static_cast<double>(lifetime.count()) * share)));
}

bool isExpired(const CertificateFacts& certificate, WallTime now) {
  return wholeSeconds(now) > wholeSeconds(certificate.notAfter);
}

RenewalNeed renewalNeed(const RenewalInput& input, WallTime now) {
  if (input.wanted == nullptr) return RenewalNeed::kNone;
  if (input.current == nullptr) return RenewalNeed::kMissing;
  if (isExpired(*input.current, now)) return RenewalNeed::kExpired;
  if (!covers(*input.current, *input.wanted)) return RenewalNeed::kSubject;
  return now >= input.renewAt ? RenewalNeed::kDue : RenewalNeed::kNone;
}

std::optional<Duration> untilNextLook(const RenewalInput& input, WallTime now) {
  if (input.wanted == nullptr || input.current == nullptr) return std::nullopt;
  const seconds whole = wholeSeconds(input.renewAt) - wholeSeconds(now);
  if (whole > std::chrono::floor<seconds>(kLongestSleep)) return kLongestSleep;
  return std::clamp<Duration>(input.renewAt - now, Duration(0), kLongestSleep);
}

Duration renewalPause(int failures, double random) {
  const int doublings = std::clamp(failures - 1, 0, kDoublings);
  const Duration pause = kFirstPause * (1 << doublings);
  return pause + std::chrono::duration_cast<Duration>(pause * (kPauseJitter * random));
}

}  // namespace cubelet::apiserver
