// Collects what is wrong with an object, in the words of the API server: "Invalid value: "x": must be ...".
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "kubelet/api/codec.h"

namespace cubelet::api {

// A place in an object, spelled as the codec and upstream spell it: "spec.containers[0].resources.limits[cpu]".
class Field {
 public:
  explicit Field(std::string name) : text_(std::move(name)) {}
  Field child(std::string_view name) const;
  Field index(int position) const;
  Field key(std::string_view key) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A value as messages show it: strings quoted, numbers and booleans plain.
class Shown {
 public:
  Shown(std::string_view text);  // NOLINT(google-explicit-constructor): a value converts where it is shown
  Shown(const std::string& text) : Shown(std::string_view(text)) {}
  Shown(const char* text) : Shown(std::string_view(text)) {}
  Shown(bool value) : text_(value ? "true" : "false") {}
  template <std::integral T>
  Shown(T value) : text_(std::to_string(value)) {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class FieldErrors {
 public:
  void required(const Field& field, std::string_view detail = "");
  void invalid(const Field& field, const Shown& value, std::string_view detail);
  // One problem for each reason (see names.h).
  void invalid(const Field& field, const Shown& value, const std::vector<std::string>& reasons);
  void unsupported(const Field& field, std::string_view value, std::initializer_list<std::string_view> supported);
  void duplicate(const Field& field, const Shown& value);
  void notFound(const Field& field, std::string_view value, std::string_view detail = "");
  void forbidden(const Field& field, std::string_view detail);
  void tooLong(const Field& field, std::size_t maxBytes);
  void tooMany(const Field& field, int count, int maxItems);

  // `unsupported` unless the value is one of them; an empty value is `required`.
  void oneOf(const Field& field, std::string_view value, std::initializer_list<std::string_view> supported);

  std::vector<Problem> take() { return std::move(problems_); }

 private:
  void add(const Field& field, std::string message, std::string_view detail);

  std::vector<Problem> problems_;
};

}  // namespace cubelet::api
