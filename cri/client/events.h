// The two event streams a runtime may have.
#pragma once

#include <memory>

#include "base/rpc/channel.h"
#include "cri/client/client_options.h"
#include "cri/client/runtime_service.h"

namespace cubelet::cri {

// containerd's own stream, on the same socket as CRI, in every version. kUnimplemented: this is no containerd.
//
// The subscription is confirmed by containerd itself: events of our own, with a topic nobody else has, are published
// until the first of them comes back. They are in the namespace "cubelet", so that whoever listens to another sees none
// of them.
Task<Result<std::unique_ptr<EventStream>>> openContainerdEvents(rpc::ChannelPtr channel, ClientOptions options);

// CRI GetContainerEvents, for runtimes that are no containerd. kUnimplemented: this runtime does not have it.
//
// The protocol has no word for "subscribed", and a server says nothing before the first event. So two short calls
// follow on the same connection: a runtime that does not know the stream has refused it by the time they are answered,
// one that does has begun to serve it. Should the refusal come later all the same, it ends the stream like a break
// does, and clears
// `*hasCriEvents`, so that the caller does not try again.
Task<Result<std::unique_ptr<EventStream>>> openCriEvents(rpc::ChannelPtr channel, ClientOptions options,
                                                         std::shared_ptr<bool> hasCriEvents);

}  // namespace cubelet::cri
