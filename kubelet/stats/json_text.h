// JsonText: JSON written straight into one string. For answers that are large and asked for often.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cubelet::stats {

// The caller sees to it that objects hold keys with values, and that what is begun is ended.
class JsonText {
 public:
  explicit JsonText(std::size_t expectedBytes) { text_.reserve(expectedBytes); }

  JsonText& key(std::string_view name);  // needs no escaping
  void beginObject() { begin('{'); }
  void endObject() { text_ += '}'; }
  void beginArray() { begin('['); }
  void endArray() { text_ += ']'; }
  // Bytes that are no UTF-8 become U+FFFD.
  void value(std::string_view text);
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  void value(std::uint64_t number);
  void value(double number);
  void value(bool truth);

  // Ends the writing.
  std::string take() { return std::move(text_); }

 private:
  void begin(char bracket);
  void separate();

  std::string text_;
};

}  // namespace cubelet::stats
