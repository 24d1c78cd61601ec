// A node in a cluster: it registers, runs what the scheduler sends and tells how it goes.
#include <algorithm>
#include <chrono>

#include "integration/harness/cluster_test.h"

namespace cubelet::integration {
namespace {

class Join : public ClusterTest {
 protected:
  // What the agent says of a pod of the API server.
  json clusterPodOnNode(const std::string& name) {
    const json all = node().pods();
    if (all.is_array())
      for (const json& each : all)
        if (each["metadata"]["name"] == name) return each;
    return nullptr;
  }
  static json eventsOf(const std::string& name) {
    return cluster().get({"events", "--field-selector=involvedObject.name=" + name})["items"];
  }
};

TEST_F(Join, NOD_1_NodeIsReadyAndTellsWhatItIs) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  const json object = cluster().get({"node", "node1"});
  EXPECT_EQ(object["metadata"]["labels"]["kubernetes.io/hostname"], "node1");
  EXPECT_EQ(object["status"]["nodeInfo"]["kubeletVersion"].get<std::string>().rfind("v1.", 0), 0U);
  EXPECT_NE(object["status"]["nodeInfo"]["containerRuntimeVersion"].get<std::string>().find("containerd://"),
            std::string::npos);
  EXPECT_FALSE(object["status"]["capacity"]["cpu"].get<std::string>().empty());
  EXPECT_FALSE(object["status"]["addresses"].empty());
  const json lease = cluster().get({"lease", "node1", "-n", "kube-node-lease"});
  ASSERT_FALSE(lease.is_null());
  EXPECT_EQ(lease["spec"]["holderIdentity"], "node1");
}

TEST_F(Join, SRC_1_APodRunsAndItsStatusIsTold) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {marker("c", "web")}));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  const json object = cluster().get({"pod", "web"});
  EXPECT_EQ(object["spec"]["nodeName"], "node1");
  EXPECT_EQ(object["status"]["phase"], "Running");
  EXPECT_FALSE(object["status"]["podIP"].get<std::string>().empty());
  const json& container = object["status"]["containerStatuses"][0];
  EXPECT_EQ(container["restartCount"], 0);
  EXPECT_TRUE(container["state"].contains("running"));
  EXPECT_EQ(container["containerID"].get<std::string>().rfind("containerd://", 0), 0U);
  EXPECT_EQ(node().starts("web"), 1U);
}

TEST_F(Join, SRC_2_PodsAreWatchedOnceTheNodeHasBeenSeen) {
  const std::size_t before = cluster().nodeRequests().size();
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {marker("c", "web")}));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  const auto requests = cluster().nodeRequests();
  const auto first = [&](const std::string& verb, const std::string& path) {
    return std::find_if(requests.begin() + static_cast<std::ptrdiff_t>(before), requests.end(), [&](const auto& one) {
      return one.verb == verb && one.path.find(path) != std::string::npos && one.code == 200;
    });
  };
  const auto pods = first("list", "/api/v1/pods");
  ASSERT_NE(pods, requests.end());
  EXPECT_LT(std::min(first("get", "/api/v1/nodes"), first("list", "/api/v1/nodes")), pods);
}

TEST_F(Join, TRM_8_ADeletedPodEndsBeforeItsObjectGoes) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json object = clusterPod("web", {container("c", {"mark", "-i", "/out/web"})});
  object["spec"]["terminationGracePeriodSeconds"] = 3;
  cluster().apply(object);
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  const auto asked = std::chrono::steady_clock::now();
  ASSERT_TRUE(cluster().kubectl({"delete", "pod", "web", "--wait=false"}).ok());
  ASSERT_TRUE(eventually("the program is asked to end", kSoon,
                         [&] { return node().marks("web", "term").empty() ? "not yet" : ""; }));
  EXPECT_FALSE(cluster().get({"pod", "web"}).is_null()) << "the object is there for as long as the program runs";
  ASSERT_TRUE(eventually("the object is gone", kSoon, isGoneThere("web")));
  EXPECT_GE(std::chrono::steady_clock::now() - asked, 2900ms) << "the program had its grace";
  EXPECT_TRUE(node().cri().containersOf("web").empty());
  EXPECT_TRUE(node().cri().sandboxesOf("web").empty());
}

TEST_F(Join, TRM_11_AForcedDeletionLeavesNothingOnTheNode) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {marker("c", "web")}));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  ASSERT_TRUE(cluster().kubectl({"delete", "pod", "web", "--force", "--grace-period=0"}).ok());
  EXPECT_TRUE(eventually("its sandbox is gone", kSoon,
                         [&] { return node().cri().sandboxesOf("web").empty() ? "" : "still there"; }));
}

TEST_F(Join, CST_3_ARestartIsCountedAndTold) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {shell("c", "web", "[ $(wc -l < /out/web) -gt 1 ] && sleep 1000; exit 3")}));
  ASSERT_TRUE(eventually("it was started again", kSoon, [&] {
    const json object = cluster().get({"pod", "web"});
    if (object.is_null() || !object["status"].contains("containerStatuses")) return std::string("no status");
    const json& container = object["status"]["containerStatuses"][0];
    const bool done = container["restartCount"] == 1 && container["state"].contains("running");
    return done ? std::string() : container.dump();
  }));
  const json object = cluster().get({"pod", "web"});
  EXPECT_EQ(object["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"], 3);
}

TEST_F(Join, PLC_5_REC_2_AFinishedPodIsToldToHaveSucceeded) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json object = clusterPod("job", {shell("c", "job", "exit 0")});
  object["spec"]["restartPolicy"] = "Never";
  cluster().apply(object);
  ASSERT_TRUE(eventually("it has succeeded", kSoon, [] {
    const json found = cluster().get({"pod", "job"});
    return !found.is_null() && found["status"]["phase"] == "Succeeded" ? "" : "not yet";
  }));
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("node1 is Ready", kSoon, isReadyThere("node", "node1")));
  EXPECT_TRUE(stays("it is not run again", 2s, [&] { return node().starts("job") == 1 ? "" : "started again"; }));
}

TEST_F(Join, REC_1_RestartsOfTheAgentDisturbNothing) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {marker("c", "web")}));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  const json before = cluster().get({"pod", "web"})["status"];
  for (int i = 0; i < 3; ++i) {
    node().killAgent();
    node().startAgent();
    ASSERT_TRUE(eventually("the agent has the pod again", kSoon, [&] {
      const json found = clusterPodOnNode("web");
      return !found.is_null() && found["status"]["phase"] == "Running" ? "" : "not yet";
    }));
  }
  EXPECT_TRUE(stays("the status holds", 2s, [&] {
    const json now = cluster().get({"pod", "web"})["status"];
    return now == before ? std::string() : now.dump() + " was " + before.dump();
  }));
  EXPECT_EQ(node().starts("web"), 1U);
}

TEST_F(Join, REC_4_DeletionWhileTheAgentIsAwayIsCarriedOut) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {marker("c", "web")}));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  node().killAgent();
  ASSERT_TRUE(cluster().kubectl({"delete", "pod", "web", "--wait=false"}).ok());
  node().startAgent();
  EXPECT_TRUE(eventually("the object is gone", kSoon, isGoneThere("web")));
  EXPECT_TRUE(node().cri().sandboxesOf("web").empty());
}

TEST_F(Join, STA_10_REC_12_AnOutageOfTheApiServerTouchesNoPod) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {marker("c", "web")}));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  cluster().stopApiServer();
  node().write("s.json", pod("s", {marker("c", "s")}));
  EXPECT_TRUE(eventually("a static pod starts all the same", 10s,
                         [&] { return node().starts("s") == 1 ? "" : "not started"; }));
  EXPECT_EQ(node().starts("web"), 1U);
  EXPECT_TRUE(node().marks("web", "term").empty());
  cluster().startApiServer();
  cluster().apply(boundPod("later", {marker("c", "later")}));
  EXPECT_TRUE(eventually("pods come again", kSoon, isReadyThere("pod", "later")));
  EXPECT_EQ(node().starts("web"), 1U);
}

TEST_F(Join, STA_15_STA_17_STA_18_AStaticPodHasAMirrorThatFollowsIt) {
  node().write("s.json", pod("s", {marker("c", "s")}));
  ASSERT_NO_FATAL_FAILURE(startJoined());
  ASSERT_TRUE(eventually("its mirror is ready", kSoon, isReadyThere("pod", "s-node1")));
  const json mirror = cluster().get({"pod", "s-node1"});
  EXPECT_EQ(mirror["metadata"]["ownerReferences"][0]["kind"], "Node");
  EXPECT_EQ(mirror["status"]["containerStatuses"][0]["restartCount"], 0);
  ASSERT_TRUE(cluster().kubectl({"delete", "pod", "s-node1", "--wait=false"}).ok());
  ASSERT_TRUE(eventually("it is made again", kSoon, [&] {
    const json now = cluster().get({"pod", "s-node1"});
    if (now.is_null()) return std::string("no mirror");
    return now["metadata"]["uid"] == mirror["metadata"]["uid"] ? now.dump() : isReadyThere("pod", "s-node1")();
  }));
  EXPECT_EQ(node().starts("s"), 1U) << "the program does not notice";
  EXPECT_TRUE(node().marks("s", "term").empty());
  node().remove("s.json");
  EXPECT_TRUE(eventually("the mirror goes with its pod", kSoon, isGoneThere("s-node1")));
}

TEST_F(Join, CMS_7_CMS_12_APodSeesItsServiceAccountConfigMapsAndSecrets) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply({{"apiVersion", "v1"},
                   {"kind", "ConfigMap"},
                   {"metadata", {{"name", "settings"}, {"namespace", "default"}}},
                   {"data", {{"color", "red"}}}});
  json object = clusterPod(
      "web", {shell("c", "web",
                    "echo $COLOR $KUBERNETES_SERVICE_PORT > /out/env; while :; do cat /settings/color > /out/file; "
                    "cat /var/run/secrets/kubernetes.io/serviceaccount/token > /out/token; sleep 0.2; done")});
  json& spec = object["spec"];
  spec.erase("automountServiceAccountToken");
  json& container = spec["containers"][0];
  container["env"] =
      json::parse(R"([{"name":"COLOR","valueFrom":{"configMapKeyRef":{"name":"settings","key":"color"}}}])");
  container["volumeMounts"].push_back({{"name", "settings"}, {"mountPath", "/settings"}});
  spec["volumes"].push_back({{"name", "settings"}, {"configMap", {{"name", "settings"}}}});
  cluster().apply(object);
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  EXPECT_TRUE(eventually("it has its environment", kSoon,
                         [&] { return node().record("env") == "red 443\n" ? "" : "not yet"; }));
  EXPECT_TRUE(eventually("it has its file", kSoon, [&] { return node().record("file") == "red" ? "" : "not yet"; }));
  EXPECT_TRUE(
      eventually("it has its token", kSoon, [&] { return node().record("token").size() > 100 ? "" : "no token"; }));
  ASSERT_TRUE(cluster().kubectl({"patch", "configmap", "settings", "-p", R"({"data":{"color":"blue"}})"}).ok());
  EXPECT_TRUE(eventually("the file follows", kSoon, [&] { return node().record("file") == "blue" ? "" : "not yet"; }));
}

TEST_F(Join, CFG_6_AMissingConfigMapHoldsAContainerUntilItAppears) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json object = clusterPod("web", {marker("c", "web")});
  object["spec"]["containers"][0]["envFrom"] = json::parse(R"([{"configMapRef":{"name":"later"}}])");
  cluster().apply(object);
  ASSERT_TRUE(eventually("it waits and says for what", kSoon, [] {
    const json found = cluster().get({"pod", "web"});
    const std::string text = found.is_null() ? "" : found["status"].dump();
    const bool told = text.find("CreateContainerConfigError") != std::string::npos &&
                      text.find("configmap \\\"later\\\" not found") != std::string::npos;
    return told ? std::string() : text;
  }));
  cluster().apply({{"apiVersion", "v1"},
                   {"kind", "ConfigMap"},
                   {"metadata", {{"name", "later"}, {"namespace", "default"}}},
                   {"data", {{"A", "1"}}}});
  EXPECT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
}

TEST_F(Join, CST_10_EventsAreTold) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  cluster().apply(clusterPod("web", {marker("c", "web")}));
  ASSERT_TRUE(eventually("pod web is ready", kSoon, isReadyThere("pod", "web")));
  EXPECT_TRUE(eventually("its start is an event", kSoon, [] {
    for (const json& event : eventsOf("web"))
      if (event["reason"] == "Started" && event["source"]["component"] == "kubelet") return std::string();
    return eventsOf("web").dump();
  }));
  EXPECT_NE(cluster().kubectl({"describe", "pod", "web"}).output.find("Container started"), std::string::npos);
}

TEST_F(Join, ADeploymentIsRolledOver) {
  ASSERT_NO_FATAL_FAILURE(startJoined());
  json one = clusterPod("x", {marker("c", "one")});
  json deployment = {{"apiVersion", "apps/v1"},
                     {"kind", "Deployment"},
                     {"metadata", {{"name", "web"}, {"namespace", "default"}}},
                     {"spec",
                      {{"replicas", 3},
                       {"selector", {{"matchLabels", {{"app", "web"}}}}},
                       {"template", {{"metadata", {{"labels", {{"app", "web"}}}}}, {"spec", one["spec"]}}}}}};
  cluster().apply(deployment);
  EXPECT_TRUE(cluster().kubectl({"rollout", "status", "deployment/web", "--timeout=60s"}).ok());
  EXPECT_EQ(node().starts("one"), 3U);
  deployment["spec"]["template"]["spec"]["containers"][0]["command"] = {"mark", "/out/two"};
  cluster().apply(deployment);
  EXPECT_TRUE(cluster().kubectl({"rollout", "status", "deployment/web", "--timeout=60s"}).ok());
  EXPECT_EQ(node().starts("two"), 3U);
  EXPECT_TRUE(eventually("the old pods are gone", kSoon, [] {
    return cluster().get({"pods", "-l", "app=web"})["items"].size() == 3 ? "" : "not yet";
  }));
  cluster().remove({"deployment", "web"});
}

}  // namespace
}  // namespace cubelet::integration
