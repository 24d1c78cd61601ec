#include <gtest/gtest.h>

#include "csi/client/node_service.h"
#include "csi/client/outcome.h"
#include "csi/client/redaction.h"

namespace cubelet::csi {
namespace {

using Rpc = v1::NodeServiceCapability::RPC;

TEST(Capabilities, CSI_5_AreWhatTheDriverListsAndUnknownOnesAreSkipped) {
  v1::NodeGetCapabilitiesResponse response;
  EXPECT_EQ(readCapabilities(response), NodeCapabilities());
  for (int type : {0, 1, 3, 6, 99}) response.add_capabilities()->mutable_rpc()->set_type(static_cast<Rpc::Type>(type));
  response.add_capabilities();  // of a kind that did not exist yet
  NodeCapabilities want;
  want.stageUnstage = want.expand = want.volumeMountGroup = true;
  EXPECT_EQ(readCapabilities(response), want);

  response.Clear();
  for (int type : {2, 4, 5}) response.add_capabilities()->mutable_rpc()->set_type(static_cast<Rpc::Type>(type));
  NodeCapabilities others;
  others.volumeStats = others.volumeCondition = others.singleNodeMultiWriter = true;
  EXPECT_EQ(readCapabilities(response), others);
}

TEST(Outcomes, CSI_18_AreUncertainWhenTheDriverMayHaveActed) {
  for (Code code : {Code::kCancelled, Code::kTimedOut, Code::kUnavailable, Code::kExhausted})
    EXPECT_EQ(outcomeOf(Error(code, "", "")), Outcome::kUncertain) << toString(code);
  for (Code code : {Code::kInvalid, Code::kNotFound, Code::kAlreadyExists, Code::kUnimplemented, Code::kInternal})
    EXPECT_EQ(outcomeOf(Error(code, "", "")), Outcome::kFinal) << toString(code);
}

TEST(Outcomes, CSI_15_OfAnExpansionSayWhetherToRepeatIt) {
  EXPECT_EQ(expandFailureOf(Error(Code::kInvalid, "InvalidArgument", "")), ExpandFailure::kInfeasible);
  EXPECT_EQ(expandFailureOf(Error(Code::kInvalid, "OutOfRange", "")), ExpandFailure::kInfeasible);
  EXPECT_EQ(expandFailureOf(Error(Code::kNotFound, "NotFound", "")), ExpandFailure::kInfeasible);
  EXPECT_EQ(expandFailureOf(Error(Code::kInvalid, "FailedPrecondition", "")), ExpandFailure::kInUse);
  EXPECT_EQ(expandFailureOf(Error(Code::kInternal, "Internal", "")), ExpandFailure::kFailed);
  EXPECT_EQ(expandFailureOf(Error(Code::kTimedOut, "", "")), ExpandFailure::kUncertain);
}

TEST(Secrets, AreBlottedOutOfMessages) {
  Secrets secrets;
  secrets["user"] = "bob";
  secrets["password"] = "bob-s3cret";
  secrets["empty"] = "";
  EXPECT_EQ(withoutSecrets("login bob with bob-s3cret refused, bob", secrets), "login *** with *** refused, ***");
  EXPECT_EQ(withoutSecrets("nothing in it", secrets), "nothing in it");
  EXPECT_EQ(withoutSecrets("", secrets), "");
}

}  // namespace
}  // namespace cubelet::csi
