#include "kubelet/resize/resources.h"

#include <gtest/gtest.h>

namespace cubelet::resize {
namespace {

core::Pod podWith(const std::string& cpu, const std::string& memory) {
  core::Pod pod;
  pod.mutable_spec()->add_initcontainers()->set_name("init");
  core::Container& web = *pod.mutable_spec()->add_containers();
  web.set_name("web");
  (*web.mutable_resources()->mutable_requests())["cpu"].set_string(cpu);
  (*web.mutable_resources()->mutable_requests())["example.com/gpu"].set_string("1");
  (*web.mutable_resources()->mutable_limits())["memory"].set_string(memory);
  return pod;
}

TEST(Resources, RSZ_1_OnlyCpuAndMemoryAreResized) {
  const PodResources resources = resourcesOf(podWith("100m", "64Mi"));
  const Resources& web = resources.containers.at("web");
  EXPECT_EQ(web.requests, (api::ResourceAmounts{{"cpu", "100m"}}));
  EXPECT_EQ(web.limits, (api::ResourceAmounts{{"memory", "64Mi"}}));
  EXPECT_TRUE(resources.containers.at("init").requests.empty());
}

TEST(Resources, RSZ_1_OnesPutIntoAPodReplaceItsOwn) {
  core::Pod pod = withResources(podWith("100m", "64Mi"), resourcesOf(podWith("200m", "32Mi")));
  const auto& web = pod.spec().containers(0).resources();
  EXPECT_EQ(web.requests().at("cpu").string(), "200m");
  EXPECT_EQ(web.requests().at("example.com/gpu").string(), "1");
  EXPECT_EQ(web.limits().at("memory").string(), "32Mi");
  EXPECT_FALSE(pod.spec().initcontainers(0).has_resources());
  EXPECT_FALSE(pod.spec().has_resources());

  PodResources less;
  less.containers["web"] = {.requests = {{"cpu", "1"}}};
  pod = withResources(std::move(pod), less);
  EXPECT_FALSE(pod.spec().containers(0).resources().limits().contains("memory"));
}

TEST(Resources, SpellingDoesNotMatter) {
  EXPECT_TRUE(same(resourcesOf(podWith("1", "1Gi")), resourcesOf(podWith("1000m", "1024Mi"))));
  EXPECT_FALSE(same(resourcesOf(podWith("1", "1Gi")), resourcesOf(podWith("1", "1G"))));
  EXPECT_FALSE(same(resourcesOf(podWith("1", "1Gi")), resourcesOf(podWith("2", "1Gi"))));
}

}  // namespace
}  // namespace cubelet::resize
