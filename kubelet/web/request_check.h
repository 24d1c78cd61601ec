// For the table test and the fuzz target: bytes in, what the reader made of them out, and what must hold for all bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kubelet/web/request_reader.h"

namespace cubelet::web {

struct ReadOutcome {
  std::string text;  // "GET /path", the status of what is wrong, or "more"
  bool read = false;
  RequestReader::Taken taken;  // when `read`
};

// `portion`: how many bytes come at a time.
inline ReadOutcome readRequest(std::string_view bytes, std::size_t portion = std::string_view::npos,
                               RequestLimits limits = {}) {
  RequestReader reader(limits);
  ReadOutcome out;
  // As the server does, which asks for more only while the request is not complete.
  while (!bytes.empty() && !reader.complete()) {
    const std::string_view piece = bytes.substr(0, portion);
    bytes.remove_prefix(piece.size());
    if (auto wrong = reader.add(piece)) {
      out.text = std::to_string(wrong->status);
      return out;
    }
  }
  if (!reader.complete()) {
    out.text = "more";
    return out;
  }
  if (auto wrong = reader.take(out.taken)) {
    out.text = std::to_string(wrong->status);
    return out;
  }
  out.read = true;
  out.taken.rest += bytes;
  out.text = out.taken.request.method + " " + out.taken.request.target.path;
  return out;
}

// Empty: all is well. Whatever comes, what is served has a plain path and a body within the limits, and how the bytes
// were cut into pieces on their way makes no difference: else a proxy and we could see two different requests.
inline std::string harmOf(std::string_view bytes, std::size_t portion, RequestLimits limits = {}) {
  const ReadOutcome whole = readRequest(bytes, std::string_view::npos, limits);
  if (whole.read && !isPlainPath(whole.taken.request.target.path)) return "serves a path that is not plain";
  if (whole.read && whole.taken.request.body.size() > limits.bodyBytes) return "holds more of a body than it may";
  const ReadOutcome pieces = readRequest(bytes, portion, limits);
  // What is refused may be refused sooner or later, or not before more comes.
  if (!whole.read && !pieces.read) return {};
  if (whole.text != pieces.text) return "reads " + whole.text + " as a whole, and " + pieces.text + " in pieces";
  if (whole.taken.request.headers != pieces.taken.request.headers) return "reads other headers in pieces";
  if (whole.taken.request.body != pieces.taken.request.body) return "reads another body in pieces";
  if (whole.taken.rest != pieces.taken.rest) return "ends the request elsewhere in pieces";
  if (whole.taken.keepAlive != pieces.taken.keepAlive) return "keeps the connection only as a whole, or in pieces";
  return {};
}

}  // namespace cubelet::web
