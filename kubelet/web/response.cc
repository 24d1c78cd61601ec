#include "kubelet/web/response.h"

#include <fmt/format.h>

namespace cubelet::web {
namespace {

void addHeader(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ");
  for (char c : value) head.push_back(c == '\r' || c == '\n' ? ' ' : c);
  head.append("\r\n");
}

}  // namespace

std::string_view reasonPhrase(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 301:
      return "Moved Permanently";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 413:
      return "Request Entity Too Large";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

std::string responseHead(const Reply& reply, BodyFraming framing, bool keepAlive, bool http10) {
  std::string head = fmt::format("HTTP/1.{} {} {}\r\n", http10 ? 0 : 1, reply.status, reasonPhrase(reply.status));
  addHeader(head, "Content-Type", reply.contentType);
  addHeader(head, "Cache-Control", "no-store");
  addHeader(head, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : reply.headers) addHeader(head, name, value);
  if (framing == BodyFraming::kLength) addHeader(head, "Content-Length", std::to_string(reply.body.size()));
  if (framing == BodyFraming::kChunked) addHeader(head, "Transfer-Encoding", "chunked");
  if (!keepAlive) addHeader(head, "Connection", "close");
  if (keepAlive && http10) addHeader(head, "Connection", "keep-alive");
  return head.append("\r\n");
}

std::string chunkHead(std::size_t size) {
  return fmt::format("{:x}\r\n", size);
}

}  // namespace cubelet::web
