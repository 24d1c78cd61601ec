#include "kubelet/client/find_pod.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::client {
namespace {

class FindPod : public testing::Test {
 protected:
  FindPod() {
    add("default", "web-node1");
    add("default", "web-api-node1");
    add("shop", "db-node1");
    add("test", "db-node1");
    add("shop", "cache");
    add("shop", "cache-2");
  }
  void add(const std::string& ns, const std::string& name) {
    core::Pod* pod = pods.add_items();
    pod->mutable_metadata()->set_namespace_(ns);
    pod->mutable_metadata()->set_name(name);
    pod->mutable_metadata()->set_uid("uid-" + ns + "-" + name);
  }
  // "ns/name", or the message of the error.
  std::string find(std::string_view wanted, std::string_view ns = "") {
    Result<const core::Pod*> pod = findPod(pods, wanted, ns);
    if (!pod) return pod.error().message;
    return (*pod)->metadata().namespace_() + "/" + (*pod)->metadata().name();
  }
  core::PodList pods;
};

TEST_F(FindPod, TakesWholeNamesAndUids) {
  EXPECT_EQ(find("web-node1"), "default/web-node1");
  EXPECT_EQ(find("shop/db-node1"), "shop/db-node1");
  EXPECT_EQ(find("uid-test-db-node1"), "test/db-node1");
}

TEST_F(FindPod, TakesABeginningThatOnlyOneHas) {
  EXPECT_EQ(find("web-a"), "default/web-api-node1");
  EXPECT_EQ(find("test/d"), "test/db-node1");
  EXPECT_EQ(find("db", "shop"), "shop/db-node1");
}

TEST_F(FindPod, AWholeNameBeatsABeginning) {
  EXPECT_EQ(find("cache"), "shop/cache");
}

TEST_F(FindPod, TellsWhichOnesFit) {
  EXPECT_EQ(find("db-node1"), "'db-node1' fits several pods, be more exact: shop/db-node1, test/db-node1");
  EXPECT_THAT(find("web"), testing::HasSubstr("default/web-node1, default/web-api-node1"));
  EXPECT_EQ(findPod(pods, "web").error().code, Code::kInvalid);
}

TEST_F(FindPod, TellsThatThereIsNone) {
  for (const char* wanted : {"nothing", "default/db", "", "shop/"}) {
    Result<const core::Pod*> pod = findPod(pods, wanted);
    ASSERT_FALSE(pod) << wanted;
    EXPECT_EQ(pod.error().code, Code::kNotFound) << wanted;
  }
}

}  // namespace
}  // namespace cubelet::client
