#include "kubelet/plan/backoff.h"

#include <algorithm>
#include <map>

#include "kubelet/api/pod.h"

namespace cubelet::plan {
namespace {

// Protobuf maps have no order of their own.
void appendSorted(const google::protobuf::Map<std::string, k8s::meta::v1::Quantity>& amounts, std::string& out) {
  std::map<std::string_view, std::string_view> sorted;
  for (const auto& [name, quantity] : amounts) sorted.emplace(name, quantity.string());
  for (const auto& [name, amount] : sorted) out.append("|").append(name).append("=").append(amount);
}

}  // namespace

BackoffDecision decideBackoff(const ContainerMemory& memory, const std::string& key,
                              const observe::ObservedContainer* last, const PlanOptions& options, WallTime now) {
  if (last == nullptr) return {};
  // Runtimes leave the end at zero for instances that failed to start.
  const WallTime end = last->finishedAt == WallTime() ? last->createdAt : last->finishedAt;
  const bool counted = memory.backoff > Duration::zero() && memory.backoffKey == key &&
                       end - memory.backoffSetAt <= options.backoffResetAfter;
  if (!counted) return {.wait = {}, .until = {}, .next = std::min(options.backoffInitial, options.backoffCap)};

  BackoffDecision decision;
  decision.wait = std::min(memory.backoff, options.backoffCap);
  decision.next = std::min(memory.backoff * 2, options.backoffCap);
  // An end in the future means that the clock was set back: waiting for it could take hours. Do not wait at all.
  const WallTime until = end + std::chrono::duration_cast<WallTime::duration>(decision.wait);
  if (end <= now && until > now) decision.until = until;
  return decision;
}

std::string backoffKey(const core::Container& container) {
  std::string key = container.image();
  appendSorted(container.resources().requests(), key);
  key += "|/";
  appendSorted(container.resources().limits(), key);
  return key;
}

std::string backOffMessage(const core::Pod& pod, const std::string& container, Duration backoff) {
  return "back-off " + goDuration(backoff) + " restarting failed container=" + container +
         " pod=" + api::podFullName(pod);
}

std::string backOffEvent(const core::Pod& pod, const std::string& container) {
  return "Back-off restarting failed container " + container + " in pod " + api::podFullName(pod);
}

std::string goDuration(Duration duration) {
  using std::chrono::duration_cast;
  const auto total = std::chrono::round<std::chrono::milliseconds>(duration).count();
  if (total == 0) return "0s";
  if (total < 0) return "-" + goDuration(-duration);
  if (total < 1000) return std::to_string(total) + "ms";

  const auto hours = total / 3'600'000;
  const auto minutes = total / 60'000 % 60;
  std::string seconds = std::to_string(total / 1000 % 60);
  if (const auto millis = total % 1000; millis != 0) {
    std::string digits = std::to_string(1000 + millis).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    seconds += "." + digits;
  }
  std::string text;
  if (hours > 0) text += std::to_string(hours) + "h";
  if (total >= 60'000) text += std::to_string(minutes) + "m";
  return text + seconds + "s";
}

}  // namespace cubelet::plan
