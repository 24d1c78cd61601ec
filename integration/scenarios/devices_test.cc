// Devices of a plug-in on real containerd: registered, given to a container, kept over a kill of the agent.
#include <atomic>
#include <thread>

#include "base/task_group.h"
#include "integration/harness/node_test.h"
#include "kubelet/devices/test_plugin.h"
#include "proto/pluginregistration/registration.pb.h"

namespace cubelet::integration {
namespace {

constexpr char kCard[] = "example.com/card";

// A plug-in on a thread of its own.
class CardPlugin {
 public:
  // Its containers see `files` at /vendor. With a `registry`, the directory of all plug-ins, it waits there to be
  // found.
  CardPlugin(const std::filesystem::path& directory, const std::filesystem::path& files,
             const std::filesystem::path& registry = {})
      : plugin_(loop_, clock_, directory.string(), "card.sock"),
        kubelet_(rpc::Channel::create(pump_, (directory / "kubelet.sock").string()).value()) {
    plugin_.mountSource = files.string();
    plugin_.setDevices({{"card-0", true}, {"card-1", true}});
    if (!registry.empty()) waitIn(registry.string(), (directory / "card.sock").string());
    thread_ = std::thread([this] {
      while (!ended_) loop_.context().run_for(std::chrono::milliseconds(50));
    });
  }
  CardPlugin(const CardPlugin&) = delete;
  CardPlugin& operator=(const CardPlugin&) = delete;
  ~CardPlugin() {
    ended_ = true;
    thread_.join();
    loop_.runToEnd(tasks_.close());
  }
  void registerNow() {
    loop_.post([this] { tasks_.spawn("register", announce(this)); });
  }
  // "" once it is registered, else the last answer.
  Look isRegistered() {
    return [this]() -> std::string { return registered_ ? "" : "not registered"; };
  }

 private:
  using Info = pluginregistration::PluginInfo;
  using Status = pluginregistration::RegistrationStatus;
  using Heard = pluginregistration::RegistrationStatusResponse;

  void waitIn(const std::string& registry, const std::string& serves) {
    registration_ = std::make_unique<rpc::TestServer>(loop_, registry + "/card-reg.sock");
    registration_->onCall<pluginregistration::InfoRequest, Info>(
        "/pluginregistration.Registration/GetInfo", [serves](auto) -> Task<Result<Info>> { return whoIAm(serves); });
    registration_->onCall<Status, Heard>("/pluginregistration.Registration/NotifyRegistrationStatus",
                                         [this](auto told) -> Task<Result<Heard>> { return hear(this, told); });
    EXPECT_TRUE(registration_->start());
  }
  static Task<Result<Info>> whoIAm(std::string serves) {
    Info info;
    info.set_type("DevicePlugin");
    info.set_name(kCard);
    info.set_endpoint(serves);
    info.add_supported_versions("v1beta1");
    co_return info;
  }
  static Task<Result<Heard>> hear(CardPlugin* self, Status told) {
    self->registered_ = told.plugin_registered();
    co_return Heard();
  }
  static Task<void> announce(CardPlugin* self) {
    Result<devices::wire::Empty> answer =
        co_await devices::registerPlugin(self->kubelet_, self->plugin_.registration(kCard));
    self->registered_ = answer.has_value();
  }

  Loop loop_;
  SystemClock clock_{loop_};
  rpc::Pump pump_{loop_};
  devices::TestPlugin plugin_;
  rpc::ChannelPtr kubelet_;
  std::unique_ptr<rpc::TestServer> registration_;
  TaskGroup tasks_{loop_};
  std::atomic<bool> registered_ = false;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

struct PluginDevices : NodeTest {
  json asking(const std::string& name, const std::string& count) {
    json container = shell("c", "started-" + name,
                           "echo \"$DEVICES\" > /out/" + name + "; test -c /dev/vendor0 && ls /vendor >> /out/" + name +
                               "; exec sleep 1000");
    container["resources"]["limits"][kCard] = count;
    return pod(name, {container});
  }
  Look says(const std::string& name, const std::string& text) {
    return [this, name, text]() -> std::string {
      const std::string found = node().record(name);
      return found == text ? "" : "it says \"" + found + "\"";
    };
  }
  Look healthIs(const std::string& pod, const std::string& device, const std::string& health) {
    return [this, pod, device, health]() -> std::string {
      const json statuses = node().podOf(pod)["status"].value("containerStatuses", json::array());
      const json wanted = {{{"name", kCard}, {"resources", {{{"resourceID", device}, {"health", health}}}}}};
      const json found = statuses.empty() ? json() : statuses[0].value("allocatedResourcesStatus", json());
      return found == wanted ? "" : "it is " + found.dump();
    };
  }
  std::filesystem::path directory() { return node().root() / "device-plugins"; }
  Look isServed() {
    return [this]() -> std::string {
      return std::filesystem::exists(directory() / "kubelet.sock") ? "" : "there is no socket";
    };
  }
};

TEST_F(PluginDevices, SRV_14_AContainerGetsItsDevicesAndKeepsThemOverAKill) {
  const std::filesystem::path files = node().dir() / "vendor";
  std::filesystem::create_directories(files / "driver.so");
  node().startAgent();
  ASSERT_TRUE(eventually("the agent serves plug-ins", kSoon, isServed()));
  node().write("p.json", asking("p", "1"));
  ASSERT_TRUE(
      eventually("the pod waits for the plug-in", kSoon, isWaiting(node(), "p", "c", "CreateContainerConfigError")));
  {
    CardPlugin plugin(directory(), files);
    plugin.registerNow();
    ASSERT_TRUE(eventually("the plug-in is registered", kSoon, plugin.isRegistered()));
    ASSERT_TRUE(eventually("the container has its device", kSoon, says("p", "card-0\ndriver.so\n")));
    ASSERT_TRUE(eventually("p is ready", kSoon, isReady(node(), "p")));
    node().write("big.json", asking("big", "2"));
    EXPECT_TRUE(eventually("more than there is is refused", kSoon, phaseIs(node(), "big", "Failed")));
    // Static pods are critical ones: nobody could make room for it.
    EXPECT_NE(node().podOf("big")["status"].dump().find("(res: example.com/card, q: 1)"), std::string::npos)
        << node().podOf("big")["status"].dump();
  }
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  ASSERT_TRUE(eventually("p is ready, though its plug-in is away", kSoon, isReady(node(), "p")));
  EXPECT_EQ(node().starts("started-p"), 1u);
  ASSERT_TRUE(eventually("the agent serves plug-ins again", kSoon, isServed()));

  CardPlugin plugin(directory(), files);
  plugin.registerNow();
  ASSERT_TRUE(eventually("the plug-in is registered again", kSoon, plugin.isRegistered()));
  node().write("q.json", asking("q", "1"));
  EXPECT_TRUE(eventually("another pod gets the other one", kSoon, says("q", "card-1\ndriver.so\n")));
  node().cri().stopContainer(node().cri().containersOf("p-node1").at(0).id());
  EXPECT_TRUE(eventually("the container starts again", kSoon, hasStarts(node(), "started-p", 2)));
  EXPECT_EQ(node().record("p"), "card-0\ndriver.so\n");
}

TEST_F(PluginDevices, SRV_14_APluginMayWaitToBeFound) {
  const std::filesystem::path files = node().dir() / "vendor";
  const std::filesystem::path own = node().dir() / "card";
  std::filesystem::create_directories(files / "driver.so");
  std::filesystem::create_directories(own);
  const std::filesystem::path registry = node().root() / "plugins_registry";
  std::filesystem::create_directories(registry);
  node().startAgent();
  node().write("p.json", asking("p", "1"));
  {
    CardPlugin plugin(own, files, registry);
    ASSERT_TRUE(eventually("the plug-in is registered", kSoon, plugin.isRegistered()));
    ASSERT_TRUE(eventually("the container has its device", kSoon, says("p", "card-0\ndriver.so\n")));
    ASSERT_TRUE(eventually("its health is told", kSoon, healthIs("p", "card-0", "Healthy")));
    node().killAgent();
    node().startAgent();
    node().write("q.json", asking("q", "1"));
    ASSERT_TRUE(eventually("the new agent has found it by itself", kSoon, says("q", "card-1\ndriver.so\n")));
  }
  EXPECT_TRUE(eventually("it is gone with its socket", kSoon, healthIs("p", "card-0", "Unhealthy")));
  EXPECT_EQ(node().starts("started-p"), 1u);
}

}  // namespace
}  // namespace cubelet::integration
