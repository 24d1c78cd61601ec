// PodConfig: a pod, one container of it and what is known of the node. For tests.
#pragma once

#include <gtest/gtest.h>

#include "kubelet/api/pod.h"
#include "kubelet/podconfig/container_config.h"
#include "kubelet/podconfig/node_facts.h"

namespace cubelet::podconfig {

struct PodConfig : testing::Test {
  PodConfig() {
    auto& meta = *pod.mutable_metadata();
    meta.set_name("web-n1");
    meta.set_namespace_("default");
    meta.set_uid("u1");
    (*meta.mutable_labels())["app"] = "shop";
    (*meta.mutable_annotations())["kubernetes.io/config.source"] = "file";
    pod.mutable_spec()->set_terminationgraceperiodseconds(30);
    container.set_name("web");
    container.set_image("busybox:1");
    container.set_terminationmessagepath("/dev/termination-log");
    container.set_terminationmessagepolicy("File");
    node.nodeName = "n1";
    node.memoryBytes = 1LL << 30;
    inputs.imageRef = "sha256:abc";
    inputs.volumePaths = {{"data", "/srv/data"}};
    *pod.mutable_spec()->add_containers() = container;
  }
  core::Pod pod;
  core::Container container;
  NodeFacts node;
  ContainerInputs inputs;
};

}  // namespace cubelet::podconfig
