#include "kubelet/web/message.h"

#include "base/ascii_case.h"

namespace cubelet::web {

std::string_view headerOf(const std::vector<Header>& headers, std::string_view name) {
  for (const auto& [known, value] : headers)
    if (sameIgnoringCase(known, name)) return value;
  return {};
}

Reply textReply(int status, std::string text) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(text);
  return reply;
}

Reply jsonReply(std::string json) {
  Reply reply;
  reply.contentType = "application/json";
  reply.body = std::move(json);
  return reply;
}

}  // namespace cubelet::web
