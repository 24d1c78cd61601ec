#include "csi/client/redaction.h"

#include <algorithm>
#include <vector>

namespace cubelet::csi {

std::string withoutSecrets(std::string text, const Secrets& secrets) {
  constexpr std::string_view kBlot = "***";
  // The longest first: one value may be a part of another.
  std::vector<std::string> values;
  for (const auto& [name, value] : secrets)
    if (!value.empty()) values.push_back(value);
  std::ranges::sort(values, [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  for (const std::string& value : values)
    for (std::size_t at = text.find(value); at != std::string::npos; at = text.find(value, at + kBlot.size()))
      text.replace(at, value.size(), kBlot);
  return text;
}

}  // namespace cubelet::csi
