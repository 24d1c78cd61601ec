// Ranges of ids for pods with hostUsers: false. Behaviour SEC-14.
#include "kubelet/podconfig/user_namespace.h"

#include <gtest/gtest.h>

namespace cubelet::podconfig {
namespace {

constexpr std::uint32_t kUnit = 65536;

TEST(UserNamespaces, SEC_14_WithoutAKubeletUserAllIdsAboveTheHostsAreUsed) {
  const IdPool pool = idPool("root:100000:65536\n", "", kUnit);
  EXPECT_EQ(pool.problem, "");
  EXPECT_EQ(pool.first, kUnit);
  EXPECT_EQ(pool.length, IdPool().length);
  EXPECT_EQ(pool.length % kUnit, 0u);
  EXPECT_LT(std::uint64_t{pool.first} + pool.length, std::uint64_t{1} << 32);
}

TEST(UserNamespaces, SEC_14_TheKubeletUsersIdsAreUsed) {
  const std::string file = "root:100000:65536\nkubelet:131072:7208960\n";
  const IdPool pool = idPool(file, file, kUnit);
  EXPECT_EQ(pool.problem, "");
  EXPECT_EQ(pool.first, 131072u);
  EXPECT_EQ(pool.length, 7208960u);
}

TEST(UserNamespaces, SEC_14_PoolsThatCannotBeUsedSayWhy) {
  const auto problem = [](const std::string& users, const std::string& groups, std::uint32_t unit) {
    return idPool(users, groups, unit).problem;
  };
  EXPECT_NE(problem("kubelet:65536:65536\n", "", kUnit), "");
  EXPECT_NE(problem("kubelet:65536:65536\n", "kubelet:131072:65536\n", kUnit), "");
  EXPECT_NE(problem("kubelet:70000:65536\n", "kubelet:70000:65536\n", kUnit), "");
  EXPECT_NE(problem("kubelet:65536:70000\n", "kubelet:65536:70000\n", kUnit), "");
  EXPECT_NE(problem("kubelet:0:65536\n", "kubelet:0:65536\n", kUnit), "");
  EXPECT_NE(problem("", "", 1000), "");
  EXPECT_EQ(problem("", "", 2 * kUnit), "");
}

TEST(UserNamespaces, SEC_14_TheLowestFreeRangeIsTaken) {
  IdPool pool;
  pool.first = kUnit;
  pool.length = 3 * kUnit;
  EXPECT_EQ(freeRange(pool, {}).value(), (IdRange{kUnit, kUnit}));
  EXPECT_EQ(freeRange(pool, {kUnit, 3 * kUnit}).value(), (IdRange{2 * kUnit, kUnit}));
  const auto none = freeRange(pool, {kUnit, 2 * kUnit, 3 * kUnit});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kExhausted);
}

TEST(UserNamespaces, SEC_14_TheRecordIsUpstreams) {
  const IdRange range{131072, kUnit};
  EXPECT_EQ(fromRecord(toRecord(range)).value(), range);
  EXPECT_EQ(fromRecord(R"({"uidMappings":[{"hostId":131072,"containerId":0,"length":65536}],)"
                       R"("gidMappings":[{"hostId":131072,"containerId":0,"length":65536}]})")
                .value(),
            range);
  for (
      const char* text :
      {"", "{}", "[]", R"({"uidMappings":[],"gidMappings":[]})", R"({"uidMappings":[7],"gidMappings":[7]})",
       R"({"uidMappings":[{"hostId":1,"containerId":0,"length":2}],"gidMappings":[{"hostId":2,"containerId":0,"length":2}]})",
       R"({"uidMappings":[{"hostId":1,"containerId":1,"length":2}],"gidMappings":[{"hostId":1,"containerId":1,"length":2}]})"})
    EXPECT_FALSE(fromRecord(text)) << text;
}

}  // namespace
}  // namespace cubelet::podconfig
