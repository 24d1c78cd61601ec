// One CRI call, its error refined. Inside of cri/client only.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/rpc/call.h"
#include "cri/client/client_options.h"
#include "cri/client/error_refinement.h"

namespace cubelet::cri {

template <class Reply>
Task<Result<Reply>> askWithBytes(rpc::ChannelPtr channel, std::string method, std::string request,
                                 rpc::CallOptions options, ClientOptions::Called called = nullptr) {
  Reply reply;
  const TimePoint asked = std::chrono::steady_clock::now();
  const std::string name = method.substr(method.rfind('/') + 1);
  Result<void> done =
      co_await rpc::callInto(std::move(channel), std::move(method), std::move(request), &reply, std::move(options));
  if (called) called(name, std::chrono::steady_clock::now() - asked, !done);
  if (!done) co_return fail(refine(std::move(done.error())));
  co_return std::move(reply);
}

// `deadline` zero: none. `subject` is named in errors.
template <class Reply>
Task<Result<Reply>> ask(const rpc::ChannelPtr& channel, std::string method,
                        const google::protobuf::MessageLite& request, Duration deadline, std::string subject,
                        ClientOptions::Called called = nullptr) {
  rpc::CallOptions options;
  options.deadline = deadline;
  options.subject = std::move(subject);
  return askWithBytes<Reply>(channel, std::move(method), rpc::serialize(request), std::move(options),
                             std::move(called));
}

// CRI speaks whole seconds: a second that has begun counts.
inline int64_t wholeSeconds(Duration duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration).count();
}

// Takes the messages out of a reply.
template <class Field>
auto toVector(Field* field) {
  std::vector<typename Field::value_type> items;
  items.reserve(static_cast<std::size_t>(field->size()));
  for (auto& item : *field) items.push_back(std::move(item));
  return items;
}

}  // namespace cubelet::cri
