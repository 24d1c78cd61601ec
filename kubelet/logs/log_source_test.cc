#include "kubelet/logs/log_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cubelet::logs {
namespace {

class LogSourceTest : public testing::Test {
 protected:
  LogSourceTest() {
    pod.mutable_metadata()->set_namespace_("shop");
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_uid("u1");
    pod.mutable_spec()->add_containers()->set_name("app");
    pod.mutable_spec()->add_containers()->set_name("helper");
    pod.mutable_spec()->add_initcontainers()->set_name("setup");
    app = pod.mutable_status()->add_containerstatuses();
    app->set_name("app");
  }
  // "path attempt" with "running" behind it, or the message of the error.
  std::string source(std::string_view container, bool previous = false) {
    Result<LogSource> found = logSource(pod, container, previous);
    if (!found) return found.error().message;
    return found->path + " " + std::to_string(found->attempt) + (found->running ? " running" : "");
  }
  core::Pod pod;
  core::ContainerStatus* app;
};

TEST_F(LogSourceTest, ARunningContainerHasTheFileOfItsAttempt) {
  app->mutable_state()->mutable_running();
  app->set_restartcount(2);
  EXPECT_EQ(source("app"), "shop_web_u1/app/2.log 2 running");
}

TEST_F(LogSourceTest, AnEndedContainerKeepsItsFile) {
  app->mutable_state()->mutable_terminated();
  EXPECT_EQ(source("app"), "shop_web_u1/app/0.log 0");
}

TEST_F(LogSourceTest, WhileARestartIsWaitedForTheLastInstanceCounts) {
  app->mutable_state()->mutable_waiting()->set_reason("CrashLoopBackOff");
  app->mutable_laststate()->mutable_terminated();
  app->set_restartcount(3);
  EXPECT_EQ(source("app"), "shop_web_u1/app/3.log 3");
  EXPECT_EQ(source("app", true), "shop_web_u1/app/3.log 3");
}

TEST_F(LogSourceTest, PreviousIsTheInstanceBeforeTheCurrentOne) {
  app->mutable_state()->mutable_running();
  app->mutable_laststate()->mutable_terminated();
  app->set_restartcount(3);
  EXPECT_EQ(source("app", true), "shop_web_u1/app/2.log 2");
}

TEST_F(LogSourceTest, TellsThatThereIsNoPreviousInstance) {
  app->mutable_state()->mutable_running();
  EXPECT_EQ(source("app", true), R"(previous terminated container "app" in pod "web" not found)");
}

TEST_F(LogSourceTest, TellsWhatAContainerWaitsFor) {
  auto waits = [&](const char* reason) {
    app->mutable_state()->mutable_waiting()->set_reason(reason);
    return source("app");
  };
  EXPECT_EQ(waits("ContainerCreating"), R"(container "app" in pod "web" is waiting to start: ContainerCreating)");
  EXPECT_EQ(waits("ErrImagePull"), R"(container "app" in pod "web" is waiting to start: image can't be pulled)");
  EXPECT_EQ(waits("ImagePullBackOff"),
            R"(container "app" in pod "web" is waiting to start: trying and failing to pull image)");
  EXPECT_THAT(source("helper"), testing::HasSubstr("waiting to start"));
}

TEST_F(LogSourceTest, TellsWhichContainersThereAre) {
  EXPECT_EQ(source("other"), "container other is not valid for pod web; it has: app, helper, setup");
}

TEST_F(LogSourceTest, FindsInitContainers) {
  core::ContainerStatus* setup = pod.mutable_status()->add_initcontainerstatuses();
  setup->set_name("setup");
  setup->mutable_state()->mutable_terminated();
  EXPECT_EQ(source("setup"), "shop_web_u1/setup/0.log 0");
}

TEST_F(LogSourceTest, TheFirstContainerIsTheDefaultUnlessThePodSaysOtherwise) {
  EXPECT_EQ(defaultContainer(pod), "app");
  auto& annotations = *pod.mutable_metadata()->mutable_annotations();
  annotations["kubectl.kubernetes.io/default-container"] = "helper";
  EXPECT_EQ(defaultContainer(pod), "helper");
  annotations["kubectl.kubernetes.io/default-container"] = "gone";
  EXPECT_EQ(defaultContainer(pod), "app");
}

TEST_F(LogSourceTest, AnInstanceRunsUntilItEndsOrAnotherTakesItsPlace) {
  app->mutable_state()->mutable_running();
  LogSource now = *logSource(pod, "app", false);
  EXPECT_TRUE(stillRuns(pod, now));
  app->set_restartcount(1);
  EXPECT_FALSE(stillRuns(pod, now));
  app->set_restartcount(0);
  app->mutable_state()->clear_running();
  app->mutable_state()->mutable_terminated();
  EXPECT_FALSE(stillRuns(pod, now));
}

}  // namespace
}  // namespace cubelet::logs
