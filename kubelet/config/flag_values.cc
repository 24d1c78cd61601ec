#include "kubelet/config/flag_values.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstdint>

#include "kubelet/api/names.h"
#include "kubelet/api/quantity.h"

namespace cubelet::config {
namespace {

using ::kubelet::config::v1beta1::MemoryReservation;
using ::kubelet::config::v1beta1::Taint;
using ::kubelet::config::v1beta1::VModuleItem;

std::unexpected<Error> unfit(std::string_view text, std::string_view why) {
  return fail(Code::kInvalid, "", "\"" + std::string(text) + "\" " + std::string(why));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class Number>
bool toNumber(std::string_view text, Number& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Result<Taint> parseTaint(std::string_view text) {
  std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return unfit(text, "is not a taint: want key=value:Effect or key:Effect");
  std::string_view effect = text.substr(colon + 1);
  if (!isTaintEffect(effect))
    return unfit(text, "is not a taint: the effect must be NoSchedule, PreferNoSchedule or NoExecute");
  std::string_view pair = text.substr(0, colon);
  std::size_t equals = std::min(pair.find('='), pair.size());
  std::string_view key = pair.substr(0, equals);
  std::string_view value = equals == pair.size() ? std::string_view() : pair.substr(equals + 1);
  if (!isQualifiedName(key)) return unfit(text, "is not a taint: its key is not a qualified name");
  if (!isLabelValue(value)) return unfit(text, "is not a taint: its value is not a label value");
  Taint taint;
  taint.set_key(std::string(key));
  taint.set_value(std::string(value));
  taint.set_effect(std::string(effect));
  return taint;
}

Result<MemoryReservation> parseReservation(std::string_view text) {
  std::size_t colon = text.find(':');
  std::int32_t node = 0;
  if (colon == std::string_view::npos || !toNumber(text.substr(0, colon), node))
    return unfit(text, "is not a memory reservation: want NODE:type=quantity,type=quantity");
  auto limits = parsePairs(text.substr(colon + 1), '=');
  if (!limits) return fail(limits.error());
  MemoryReservation reservation;
  reservation.set_numanode(node);
  for (const auto& [type, amount] : *limits) {
    if (!isMemoryResource(type)) return unfit(type, "is not a type of memory: want memory or hugepages-SIZE");
    if (!api::quantityValue(amount)) return unfit(amount, "is not a quantity such as 1Gi");
    (*reservation.mutable_limits())[type].set_string(amount);
  }
  return reservation;
}

// Takes one element off `rest`, up to the comma behind it.
Result<std::string> takeElement(std::string_view& rest) {
  std::string element;
  if (!rest.starts_with('"')) {
    std::size_t end = std::min(rest.find(','), rest.size());
    element = rest.substr(0, end);
    rest.remove_prefix(end);
    return element;
  }
  std::string_view whole = rest;
  rest.remove_prefix(1);
  for (;;) {
    std::size_t quote = rest.find('"');
    if (quote == std::string_view::npos) return unfit(whole, "has no closing quote");
    element += rest.substr(0, quote);
    rest.remove_prefix(quote + 1);
    if (!rest.starts_with('"')) break;
    element += '"';
    rest.remove_prefix(1);
  }
  if (!rest.empty() && rest.front() != ',') return unfit(whole, "goes on behind the closing quote");
  return element;
}

}  // namespace

Result<std::vector<std::string>> parseList(std::string_view text) {
  std::vector<std::string> items;
  if (text.empty()) return items;
  for (;;) {
    auto item = takeElement(text);
    if (!item) return fail(item.error());
    items.push_back(std::move(*item));
    if (text.empty()) return items;
    text.remove_prefix(1);
  }
}

Result<Pairs> parsePairs(std::string_view text, char separator, bool bareKeys) {
  Pairs pairs;
  for (std::string_view element : split(text, ',')) {
    if (trim(element).empty()) continue;
    std::size_t at = element.find(separator);
    if (at == std::string_view::npos && !bareKeys)
      return unfit(element, std::string("is not of the form key") + separator + "value");
    std::string_view value = at == std::string_view::npos ? std::string_view() : element.substr(at + 1);
    pairs.emplace_back(trim(element.substr(0, at)), trim(value));
  }
  return pairs;
}

Result<void> parseTaints(std::string_view text, std::vector<Taint>& taints) {
  if (text.empty()) return {};
  for (std::string_view element : split(text, ',')) {
    auto taint = parseTaint(element);
    if (!taint) return fail(taint.error());
    bool twice = std::ranges::any_of(
        taints, [&](const Taint& other) { return other.key() == taint->key() && other.effect() == taint->effect(); });
    if (twice) return unfit(element, "is there twice: one taint for each key and effect");
    taints.push_back(std::move(*taint));
  }
  return {};
}

Result<void> parseReservedMemory(std::string_view text, std::vector<MemoryReservation>& reservations) {
  if (text.empty()) return {};
  for (std::string_view element : split(text, ';')) {
    auto reservation = parseReservation(element);
    if (!reservation) return fail(reservation.error());
    reservations.push_back(std::move(*reservation));
  }
  return {};
}

Result<void> parseVModule(std::string_view text, std::vector<VModuleItem>& items) {
  auto pairs = parsePairs(text, '=');
  if (!pairs) return fail(pairs.error());
  for (const auto& [pattern, level] : *pairs) {
    std::uint32_t verbosity = 0;
    if (!toNumber(std::string_view(level), verbosity)) return unfit(level, "is not a log level");
    VModuleItem& item = items.emplace_back();
    item.set_filepattern(pattern);
    item.set_verbosity(verbosity);
  }
  return {};
}

bool isIp(std::string_view text) {
  std::string address(text);
  in6_addr parsed{};
  return inet_pton(AF_INET, address.c_str(), &parsed) == 1 || inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

bool isQualifiedName(std::string_view text) {
  return api::whyNotLabelKey(text).empty();
}

bool isLabelValue(std::string_view text) {
  return api::whyNotLabelValue(text).empty();
}

bool isTaintEffect(std::string_view text) {
  return text == "NoSchedule" || text == "PreferNoSchedule" || text == "NoExecute";
}

bool isMemoryResource(std::string_view text) {
  return text == "memory" || text.starts_with("hugepages-");
}

}  // namespace cubelet::config
