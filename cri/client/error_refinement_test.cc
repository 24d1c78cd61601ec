#include "cri/client/error_refinement.h"

#include <gtest/gtest.h>

namespace cubelet::cri {
namespace {

Code refined(Code code, std::string message) {
  return refine(Error(code, "", std::move(message))).code;
}

TEST(ErrorRefinement, ARuntimeThatStillLoadsIsUnavailable) {
  EXPECT_EQ(refined(Code::kInternal, "Status at /s: server is not initialized yet"), Code::kUnavailable);
}

TEST(ErrorRefinement, ATakenNameAlreadyExists) {
  EXPECT_EQ(refined(Code::kInternal,
                    "RunPodSandbox at /s: failed to reserve sandbox name \"a_b_c_0\": name \"a_b_c_0\" is reserved for "
                    "\"3f2a\""),
            Code::kAlreadyExists);
}

TEST(ErrorRefinement, LeavesEverythingElseAlone) {
  EXPECT_EQ(refined(Code::kInternal, "StartContainer at /s: OCI runtime create failed"), Code::kInternal);
  EXPECT_EQ(refined(Code::kNotFound, "server is not initialized yet"), Code::kNotFound);
  Error error = refine(Error(Code::kInternal, "Because", "server is not initialized yet"));
  EXPECT_EQ(error.reason, "Because");
  EXPECT_EQ(error.message, "server is not initialized yet");
}

}  // namespace
}  // namespace cubelet::cri
