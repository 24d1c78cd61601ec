#include "base/rpc/status.h"

#include <grpc/support/cpu.h>
#include <gtest/gtest.h>

#include "base/rpc/channel.h"

namespace cubelet::rpc {
namespace {

TEST(StatusCodes, BecomeWhatTheCallerShouldDo) {
  using S = grpc::StatusCode;
  EXPECT_EQ(toCode(S::CANCELLED), Code::kCancelled);
  EXPECT_EQ(toCode(S::UNKNOWN), Code::kInternal);
  EXPECT_EQ(toCode(S::INVALID_ARGUMENT), Code::kInvalid);
  EXPECT_EQ(toCode(S::DEADLINE_EXCEEDED), Code::kTimedOut);
  EXPECT_EQ(toCode(S::NOT_FOUND), Code::kNotFound);
  EXPECT_EQ(toCode(S::ALREADY_EXISTS), Code::kAlreadyExists);
  EXPECT_EQ(toCode(S::PERMISSION_DENIED), Code::kInternal);
  EXPECT_EQ(toCode(S::UNAUTHENTICATED), Code::kInternal);
  EXPECT_EQ(toCode(S::RESOURCE_EXHAUSTED), Code::kExhausted);
  EXPECT_EQ(toCode(S::FAILED_PRECONDITION), Code::kInvalid);
  EXPECT_EQ(toCode(S::ABORTED), Code::kUnavailable);
  EXPECT_EQ(toCode(S::OUT_OF_RANGE), Code::kInvalid);
  EXPECT_EQ(toCode(S::UNIMPLEMENTED), Code::kUnimplemented);
  EXPECT_EQ(toCode(S::INTERNAL), Code::kInternal);
  EXPECT_EQ(toCode(S::UNAVAILABLE), Code::kUnavailable);
  EXPECT_EQ(toCode(S::DATA_LOSS), Code::kInternal);
}

TEST(StatusNames, AreGoSpellings) {
  EXPECT_EQ(statusName(grpc::StatusCode::CANCELLED), "Canceled");
  EXPECT_EQ(statusName(grpc::StatusCode::FAILED_PRECONDITION), "FailedPrecondition");
  EXPECT_EQ(statusName(grpc::StatusCode::UNAUTHENTICATED), "Unauthenticated");
  EXPECT_EQ(statusName(static_cast<grpc::StatusCode>(99)), "Unknown");
}

TEST(StatusMessages, NameTheMethodItsObjectAndTheSocket) {
  grpc::Status status(grpc::StatusCode::NOT_FOUND, "no such container");
  Error error = toError(status, "/runtime.v1.RuntimeService/StopContainer", "3f2a", "/run/x.sock", Duration(0));
  EXPECT_EQ(error.message, "StopContainer 3f2a at /run/x.sock: no such container");
  EXPECT_EQ(error.code, Code::kNotFound);
}

TEST(StatusMessages, SayHowLongWeWaitedWhenOurDeadlinePassed) {
  grpc::Status ours(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded");
  EXPECT_EQ(toError(ours, "/a.B/C", "", "/s", std::chrono::seconds(120)).message, "C at /s: no answer within 2m0s");
  grpc::Status theirs(grpc::StatusCode::DEADLINE_EXCEEDED, "context deadline exceeded");
  EXPECT_EQ(toError(theirs, "/a.B/C", "", "/s", std::chrono::seconds(1)).message, "C at /s: context deadline exceeded");
}

TEST(StatusMessages, AreNeverEmpty) {
  grpc::Status silent(grpc::StatusCode::UNAVAILABLE, "");
  EXPECT_EQ(toError(silent, "/a.B/C", "", "/s", Duration(0)).message, "C at /s: unavailable");
}

TEST(Cores, AreFewForGrpcWhateverTheMachineHas) {
  EXPECT_EQ(gpr_cpu_num_cores(), 1u) << "cores.cc was linked behind libgpr.a";
}

TEST(SocketPath, IsFoundInEveryUsualForm) {
  EXPECT_EQ(socketPath("unix:///run/x.sock").value(), "/run/x.sock");
  EXPECT_EQ(socketPath("unix:/run/x.sock").value(), "/run/x.sock");
  EXPECT_EQ(socketPath("/run/x.sock").value(), "/run/x.sock");
}

TEST(SocketPath, RefusesWhatIsNoUnixSocket) {
  for (std::string_view wrong : {"", "unix:", "unix://", "run/x.sock", "unix://host/x", "tcp://127.0.0.1:1", "////x"})
    EXPECT_EQ(socketPath(wrong).error().code, Code::kInvalid) << wrong;
  EXPECT_TRUE(socketPath("/" + std::string(106, 'a')).has_value());
  EXPECT_FALSE(socketPath("/" + std::string(107, 'a')).has_value());
}

}  // namespace
}  // namespace cubelet::rpc
