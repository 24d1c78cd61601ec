#include "kubelet/client/text_table.h"

#include <algorithm>

namespace cubelet::client {
namespace {

constexpr std::size_t kGap = 3;

// UTF-8: every byte counts that does not continue a character.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

}  // namespace

std::string formatTable(const std::vector<std::vector<std::string>>& rows, const std::vector<std::size_t>& minimum) {
  std::vector<std::size_t> widths = minimum;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += printable(row[i]);
      if (i + 1 < row.size()) text.append(widths[i] - width(row[i]) + kGap, ' ');
    }
    text.push_back('\n');
  }
  return text;
}

}  // namespace cubelet::client
