#include "kubelet/node/lease_rules.h"

#include <gtest/gtest.h>

namespace cubelet::node {
namespace {

using std::chrono::seconds;

const WallTime kAt = WallTime(seconds(1'800'000'000)) + std::chrono::nanoseconds(123'456'789);

TEST(LeaseRules, NOD15_ANewLease) {
  const Lease lease = renewedLease({}, "n1", "uid-1", seconds(40), kAt);
  EXPECT_EQ(lease.metadata().name(), "n1");
  EXPECT_EQ(lease.metadata().namespace_(), "kube-node-lease");
  EXPECT_EQ(lease.spec().holderidentity(), "n1");
  EXPECT_EQ(lease.spec().leasedurationseconds(), 40);
  EXPECT_EQ(lease.spec().renewtime().seconds(), 1'800'000'000);
  EXPECT_EQ(lease.spec().renewtime().nanos(), 123'456'000);
  ASSERT_EQ(lease.metadata().ownerreferences_size(), 1);
  const auto& owner = lease.metadata().ownerreferences(0);
  EXPECT_EQ(owner.apiversion(), "v1");
  EXPECT_EQ(owner.kind(), "Node");
  EXPECT_EQ(owner.name(), "n1");
  EXPECT_EQ(owner.uid(), "uid-1");
  EXPECT_FALSE(owner.has_controller());
}

TEST(LeaseRules, NOD15_RenewalKeepsEverythingElse) {
  Lease base = renewedLease({}, "n1", "uid-1", seconds(40), kAt);
  base.mutable_metadata()->set_resourceversion("7");
  (*base.mutable_metadata()->mutable_annotations())["a"] = "b";
  base.mutable_spec()->set_leasetransitions(3);
  const Lease lease = renewedLease(base, "n1", "uid-2", seconds(40), kAt + seconds(10));
  EXPECT_EQ(lease.metadata().resourceversion(), "7");
  EXPECT_EQ(lease.metadata().annotations().at("a"), "b");
  EXPECT_EQ(lease.spec().leasetransitions(), 3);
  EXPECT_EQ(lease.spec().renewtime().seconds(), 1'800'000'010);
  ASSERT_EQ(lease.metadata().ownerreferences_size(), 1);
  EXPECT_EQ(lease.metadata().ownerreferences(0).uid(), "uid-1");
}

TEST(LeaseRules, NOD15_OwnerIsAddedOnceItIsKnown) {
  const Lease orphan = renewedLease({}, "n1", "", seconds(40), kAt);
  EXPECT_EQ(orphan.metadata().ownerreferences_size(), 0);
  EXPECT_EQ(renewedLease(orphan, "n1", "uid-1", seconds(40), kAt).metadata().ownerreferences_size(), 1);
}

TEST(LeaseRules, NOD15_RenewedEveryQuarter) {
  EXPECT_EQ(renewEvery(seconds(40)), Duration(seconds(10)));
  EXPECT_EQ(renewEvery(seconds(1)), Duration(std::chrono::milliseconds(250)));
}

TEST(LeaseRules, NOD15_WhatAFailureMeans) {
  EXPECT_EQ(stepAfter(Error(Code::kUnavailable, "", "")), LeaseStep::kRenew);
  EXPECT_EQ(stepAfter(Error(Code::kTimedOut, "", "")), LeaseStep::kReread);
  EXPECT_EQ(stepAfter(Error(Code::kInvalid, "Conflict", "")), LeaseStep::kReread);
  EXPECT_EQ(stepAfter(Error(Code::kNotFound, "NotFound", "")), LeaseStep::kReread);
}

}  // namespace
}  // namespace cubelet::node
