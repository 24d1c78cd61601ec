#include "kubelet/eviction/thresholds.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "kubelet/api/quantity.h"
#include "kubelet/api/times.h"

namespace cubelet::eviction {
namespace {

using Texts = google::protobuf::Map<std::string, std::string>;

Amount amountFrom(const std::string& text) {
  Amount amount;
  if (text.ends_with('%')) {
    float percent = 0;
    std::from_chars(text.data(), text.data() + text.size() - 1, percent);
    amount.share = percent / 100;
  } else {
    amount.quantity = api::canonicalQuantity(text).value_or(text);
  }
  return amount;
}

// By signal, so that the order is the same every time.
std::map<Signal, Amount> amountsFrom(const Texts& texts) {
  std::map<Signal, Amount> amounts;
  for (const auto& [name, text] : texts)
    if (const std::optional<Signal> signal = signalOf(name); signal && text != "0%" && text != "100%")
      amounts.emplace(*signal, amountFrom(text));
  return amounts;
}

Duration graceOf(const Texts& graces, Signal signal) {
  const auto found = graces.find(std::string(nameOf(signal)));
  return found == graces.end() ? Duration::zero() : Duration(api::parseDuration(found->second).value_or(0));
}

// The same threshold for another signal.
std::optional<Threshold> copied(const std::vector<Threshold>& thresholds, Signal from, Signal to, bool hard) {
  const auto found = std::ranges::find_if(
      thresholds, [&](const Threshold& one) { return one.signal == from && one.isHard() == hard; });
  if (found == thresholds.end()) return std::nullopt;
  Threshold copy = *found;
  copy.signal = to;
  return copy;
}

}  // namespace

std::int64_t Amount::of(std::int64_t capacity) const {
  if (!quantity.empty()) return api::quantityValue(quantity).value_or(0);
  return static_cast<std::int64_t>(static_cast<double>(capacity) * static_cast<double>(share));
}

std::vector<Threshold> thresholdsOf(const config::KubeletConfiguration& config) {
  std::vector<Threshold> out;
  for (auto& [signal, amount] : amountsFrom(config.evictionhard())) out.push_back({signal, amount});
  for (auto& [signal, amount] : amountsFrom(config.evictionsoft()))
    out.push_back({signal, amount, graceOf(config.evictionsoftgraceperiod(), signal)});
  const std::map<Signal, Amount> reclaims = amountsFrom(config.evictionminimumreclaim());
  for (Threshold& threshold : out)
    if (auto reclaim = reclaims.find(threshold.signal); reclaim != reclaims.end())
      threshold.minimumReclaim = reclaim->second;
  constexpr std::string_view kPods = "pods";
  const auto& enforced = config.enforcenodeallocatable();
  if (std::ranges::find(enforced, kPods) != enforced.end())
    if (std::optional<Threshold> pods =
            copied(out, Signal::kMemoryAvailable, Signal::kAllocatableMemoryAvailable, true))
      out.push_back(*pods);
  return out;
}

std::vector<Threshold> withContainerFs(std::vector<Threshold> thresholds, const FsLayout& layout) {
  constexpr std::array kBytes = {Signal::kContainerFsAvailable, Signal::kNodeFsAvailable, Signal::kImageFsAvailable};
  constexpr std::array kInodes = {Signal::kContainerFsInodesFree, Signal::kNodeFsInodesFree,
                                  Signal::kImageFsInodesFree};
  std::erase_if(thresholds, [&](const Threshold& one) { return one.signal == kBytes[0] || one.signal == kInodes[0]; });
  const std::size_t from = layout.imagesApart && !layout.containersApart ? 2 : 1;
  for (const auto& signals : {kBytes, kInodes})
    for (const bool hard : {true, false})
      if (std::optional<Threshold> copy = copied(thresholds, signals[from], signals[0], hard))
        thresholds.push_back(*copy);
  return thresholds;
}

std::string bytesText(std::int64_t bytes) {
  constexpr std::array kSuffixes = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  std::size_t suffix = 0;
  while (bytes != 0 && bytes % 1024 == 0 && suffix + 1 < kSuffixes.size()) {
    bytes /= 1024;
    ++suffix;
  }
  return std::to_string(bytes) + kSuffixes[suffix];
}

std::string amountText(Resource resource, std::int64_t amount) {
  return resource == Resource::kMemory || resource == Resource::kStorage ? bytesText(amount) : std::to_string(amount);
}

}  // namespace cubelet::eviction
