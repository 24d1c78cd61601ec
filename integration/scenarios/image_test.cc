// Image policies, pulls that fail, pulls that hang.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

// A registry that accepts connections and never says a word.
class SilentRegistry {
 public:
  SilentRegistry() {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(socket_, 50) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
      ADD_FAILURE() << "no port for the silent registry";
    port_ = ntohs(address.sin_port);
  }
  ~SilentRegistry() { close(socket_); }
  std::string name() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int socket_;
  int port_ = 0;
};

class Images : public NodeTest {
 protected:
  static json podOf(const std::string& name, const std::string& image, const std::string& policy) {
    json manifest = pod(name, {marker("c", name)});
    manifest["spec"]["containers"][0]["image"] = image;
    manifest["spec"]["containers"][0]["imagePullPolicy"] = policy;
    return manifest;
  }
};

TEST_F(Images, NeverUsesWhatIsThere) {
  node().write("p.json", podOf("p", kImage, "Never"));
  node().startAgent();
  EXPECT_TRUE(eventually("it runs", kSoon, isReady(node(), "p")));
}

TEST_F(Images, CFG_18_NeverFailsForAMissingImageUntilItIsThere) {
  node().write("p.json", podOf("p", "cubelet.local/later:1", "Never"));
  node().startAgent();
  ASSERT_TRUE(eventually("the reason is shown", kSoon, isWaiting(node(), "p", "c", "ErrImageNeverPull")));
  EXPECT_EQ(statusOf(node().podOf("p"), "c")["state"]["waiting"]["message"],
            "Container image \"cubelet.local/later:1\" is not present with pull policy of Never");
  node().containerd().tagImage("cubelet.local/later:1");
  EXPECT_TRUE(eventually("it runs", 60s, isReady(node(), "p")));
  node().containerd().removeImage("cubelet.local/later:1");
}

TEST_F(Images, CFG_20_MissingImageIsPulledAgainAndAgainWithBackoff) {
  node().write("p.json", podOf("p", "127.0.0.1:1/none:1", "IfNotPresent"));
  node().startAgent();
  ASSERT_TRUE(eventually("the failure is shown", kSoon, [&] {
    json state = statusOf(node().podOf("p"), "c").value("state", json::object());
    std::string reason = state.contains("waiting") ? state["waiting"].value("reason", "") : "";
    return reason == "ErrImagePull" || reason == "ImagePullBackOff" ? "" : state.dump();
  }));
  ASSERT_TRUE(eventually("then the back-off", kSoon, isWaiting(node(), "p", "c", "ImagePullBackOff")));
  std::string message = statusOf(node().podOf("p"), "c")["state"]["waiting"]["message"];
  EXPECT_NE(message.find("127.0.0.1:1/none:1"), std::string::npos) << message;
  // It appears by other means: found at the next try, at most a back-off step later.
  node().containerd().tagImage("127.0.0.1:1/none:1");
  EXPECT_TRUE(eventually("it runs", 60s, isReady(node(), "p")));
  node().containerd().removeImage("127.0.0.1:1/none:1");
}

TEST_F(Images, IfNotPresentDoesNotAskTheRegistry) {
  SilentRegistry registry;
  std::string image = registry.name() + "/there:1";
  node().containerd().tagImage(image);
  node().write("p.json", podOf("p", image, "IfNotPresent"));
  node().startAgent();
  EXPECT_TRUE(eventually("it runs", 15s, isReady(node(), "p")));
  node().containerd().removeImage(image);
}

TEST_F(Images, CFG_18_AlwaysAsksEvenWhenTheImageIsThere) {
  node().containerd().tagImage("127.0.0.1:1/there:1");
  node().write("p.json", podOf("p", "127.0.0.1:1/there:1", "Always"));
  node().startAgent();
  EXPECT_TRUE(eventually("the pull fails", kSoon, isWaiting(node(), "p", "c", "ImagePullBackOff")));
  EXPECT_EQ(node().starts("p"), 0U);
  node().containerd().removeImage("127.0.0.1:1/there:1");
}

TEST_F(Images, BadNameIsTold) {
  node().write("p.json", podOf("p", "Not A Name!", "IfNotPresent"));
  node().startAgent();
  EXPECT_TRUE(eventually("the reason is shown", kSoon, [&] {
    if (isWaiting(node(), "p", "c", "InvalidImageName")().empty()) return std::string();
    // Or the manifest is refused before it becomes a pod.
    return node().log().find("image") != std::string::npos && node().podOf("p").is_null()
               ? ""
               : isWaiting(node(), "p", "c", "InvalidImageName")();
  }));
}

TEST_F(Images, HangingPullsDelayNoOtherPod) {
  SilentRegistry registry;
  for (int i = 0; i < 3; ++i)
    node().write("slow" + std::to_string(i) + ".json",
                 podOf("slow" + std::to_string(i), registry.name() + "/slow:" + std::to_string(i), "Always"));
  node().config["serializeImagePulls"] = false;
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  node().write("quick.json", podOf("quick", kImage, "IfNotPresent"));
  EXPECT_TRUE(eventually("the other pod runs", 10s, isReady(node(), "quick")));
  node().remove("slow0.json");
  EXPECT_TRUE(eventually("a pod whose pull hangs can be removed", 15s, isGone(node(), "slow0")));
}

TEST_F(Images, OneContainerWithoutImageDoesNotKeepTheOtherFromRunning) {
  json manifest = pod("p", {marker("bad", "bad"), marker("good", "good")});
  manifest["spec"]["containers"][0]["image"] = "127.0.0.1:1/none:1";
  node().write("p.json", manifest);
  node().startAgent();
  EXPECT_TRUE(eventually("the good one runs", kSoon, hasStarts(node(), "good", 1)));
  EXPECT_TRUE(eventually("the bad one waits", kSoon, isWaiting(node(), "p", "bad", "ImagePullBackOff")));
}

}  // namespace
}  // namespace cubelet::integration
