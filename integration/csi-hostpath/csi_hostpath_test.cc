// The driver against the CSI specification, from outside: its processes, its sockets, its mounts.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/temp_dir.h"
#include "integration/csi-hostpath/faults.h"
#include "integration/csi-hostpath/mounter.h"
#include "proto/csi/csi.grpc.pb.h"
#include "proto/pluginregistration/registration.grpc.pb.h"

namespace cubelet::hostpath {
namespace {

namespace fs = std::filesystem;
namespace v1 = ::csi::v1;
using grpc::StatusCode;
using Mode = v1::VolumeCapability::AccessMode;

constexpr char kDriver[] = CUBELET_BUILD_DIR "/integration/csi-hostpath/csi-hostpath";
constexpr std::int64_t kMiB = 1 << 20;

v1::VolumeCapability mountCapability(Mode::Mode mode = Mode::SINGLE_NODE_WRITER) {
  v1::VolumeCapability capability;
  capability.mutable_mount();
  capability.mutable_access_mode()->set_mode(mode);
  return capability;
}

v1::VolumeCapability blockCapability() {
  v1::VolumeCapability capability;
  capability.mutable_block();
  capability.mutable_access_mode()->set_mode(Mode::SINGLE_NODE_WRITER);
  return capability;
}

class Driver : public testing::Test {
 protected:
  // Mounts of this program and its drivers are its own, and vanish with it.
  static void SetUpTestSuite() {
    if (::geteuid() != 0) return;
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
    for (const char* name : {"stage", "stage2", "pods"}) fs::create_directory(dir_ / name);
    start();
  }
  void TearDown() override {
    stop(SIGKILL);
    for (const std::string& path : {target("a"), target("b"), dir_ / "stage", dir_ / "stage2"}) (void)unmountAll(path);
    std::error_code ignored;
    for (const auto& volume : fs::directory_iterator(dir_ / "state", ignored))
      (void)detachLoop(volume.path() / "disk.img");
  }

  void start(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {kDriver,
                                      "--endpoint=" + dir_ / "csi.sock",
                                      "--state-dir=" + dir_ / "state",
                                      "--registration=" + dir_ / "reg.sock",
                                      "--node-id=n1",
                                      "--faults=" + dir_ / "faults"};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    output_ = Fd(ends[0]);
    Fd input(ends[1]);
    driver_ = ::fork();
    if (driver_ == 0) {
      ::dup2(input.get(), 1);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    input.reset();
    awaitLine("ready");
    connect();
  }
  void awaitLine(const std::string& line) {
    std::string read;
    for (char c = 0; read.find(line + "\n") == std::string::npos; read += c)
      ASSERT_EQ(::read(output_.get(), &c, 1), 1) << "the driver ended";
  }
  void connect() {
    // A channel of its own for each driver: no back-off of an earlier one.
    grpc::ChannelArguments arguments;
    arguments.SetInt("grpc.use_local_subchannel_pool", 1);
    auto channel =
        grpc::CreateCustomChannel("unix:" + (dir_ / "csi.sock"), grpc::InsecureChannelCredentials(), arguments);
    identity_ = v1::Identity::NewStub(channel);
    controller_ = v1::Controller::NewStub(channel);
    node_ = v1::Node::NewStub(channel);
  }
  int stop(int signal) {
    if (driver_ <= 0) return 0;
    ::kill(driver_, signal);
    int status = 0;
    ::waitpid(driver_, &status, 0);
    driver_ = -1;
    return status;
  }
  // The driver has ended by itself.
  void awaitEnd() {
    ::waitpid(driver_, nullptr, 0);
    driver_ = -1;
  }
  void order(const std::string& faults) { std::ofstream(dir_ / "faults") << faults; }

  template <class Stub, class Method, class Request>
  auto call(Stub& stub, Method method, const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return ask(stub, method, context, request);
  }
  template <class Service, class Request, class Response>
  grpc::Status ask(Service& stub, grpc::Status (Service::*method)(grpc::ClientContext*, const Request&, Response*),
                   grpc::ClientContext& context, const Request& request) {
    Response response;
    grpc::Status status = (stub.*method)(&context, request, &response);
    answer_ = response.SerializeAsString();
    return status;
  }
  template <class Response>
  Response answer() const {
    Response response;
    EXPECT_TRUE(response.ParseFromString(answer_));
    return response;
  }

  using Node = v1::Node::StubInterface;
  using Controller = v1::Controller::StubInterface;

  std::string target(const std::string& name) { return dir_ / ("pods/" + name); }
  v1::CreateVolumeRequest createRequest(const std::string& name, const v1::VolumeCapability& capability) {
    v1::CreateVolumeRequest request;
    request.set_name(name);
    request.mutable_capacity_range()->set_required_bytes(8 * kMiB);
    *request.add_volume_capabilities() = capability;
    return request;
  }
  std::string create(const v1::VolumeCapability& capability = mountCapability(), bool attach = true) {
    EXPECT_TRUE(call(*controller_, &Controller::CreateVolume, createRequest("v", capability)).ok());
    const std::string id = answer<v1::CreateVolumeResponse>().volume().volume_id();
    if (attach)
      EXPECT_TRUE(call(*controller_, &Controller::ControllerPublishVolume, attachRequest(id, capability)).ok());
    return id;
  }
  static v1::ControllerPublishVolumeRequest attachRequest(const std::string& id,
                                                          const v1::VolumeCapability& capability) {
    v1::ControllerPublishVolumeRequest request;
    request.set_volume_id(id);
    request.set_node_id("n1");
    *request.mutable_volume_capability() = capability;
    return request;
  }
  v1::NodeStageVolumeRequest stageRequest(const std::string& id,
                                          const v1::VolumeCapability& capability = mountCapability()) {
    v1::NodeStageVolumeRequest request;
    request.set_volume_id(id);
    request.set_staging_target_path(dir_ / "stage");
    *request.mutable_volume_capability() = capability;
    return request;
  }
  v1::NodePublishVolumeRequest publishRequest(const std::string& id, const std::string& name,
                                              const v1::VolumeCapability& capability = mountCapability()) {
    v1::NodePublishVolumeRequest request;
    request.set_volume_id(id);
    request.set_staging_target_path(dir_ / "stage");
    request.set_target_path(target(name));
    *request.mutable_volume_capability() = capability;
    return request;
  }
  v1::NodeUnpublishVolumeRequest unpublishRequest(const std::string& id, const std::string& name) {
    v1::NodeUnpublishVolumeRequest request;
    request.set_volume_id(id);
    request.set_target_path(target(name));
    return request;
  }
  v1::NodeUnstageVolumeRequest unstageRequest(const std::string& id) {
    v1::NodeUnstageVolumeRequest request;
    request.set_volume_id(id);
    request.set_staging_target_path(dir_ / "stage");
    return request;
  }
  StatusCode stage(const v1::NodeStageVolumeRequest& request) {
    return call(*node_, &Node::NodeStageVolume, request).error_code();
  }
  StatusCode publish(const v1::NodePublishVolumeRequest& request) {
    return call(*node_, &Node::NodePublishVolume, request).error_code();
  }
  StatusCode unpublish(const v1::NodeUnpublishVolumeRequest& request) {
    return call(*node_, &Node::NodeUnpublishVolume, request).error_code();
  }
  StatusCode unstage(const v1::NodeUnstageVolumeRequest& request) {
    return call(*node_, &Node::NodeUnstageVolume, request).error_code();
  }

  TempDir dir_;
  pid_t driver_ = -1;
  Fd output_;
  std::string answer_;
  std::unique_ptr<v1::Identity::StubInterface> identity_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<Node> node_;
};

TEST_F(Driver, TellsWhoItIsAndWhatItCan) {
  ASSERT_TRUE(call(*identity_, &v1::Identity::StubInterface::GetPluginInfo, v1::GetPluginInfoRequest()).ok());
  EXPECT_EQ(answer<v1::GetPluginInfoResponse>().name(), "hostpath.csi.cubelet.test");
  ASSERT_TRUE(call(*identity_, &v1::Identity::StubInterface::Probe, v1::ProbeRequest()).ok());
  EXPECT_TRUE(answer<v1::ProbeResponse>().ready().value());
  ASSERT_TRUE(
      call(*identity_, &v1::Identity::StubInterface::GetPluginCapabilities, v1::GetPluginCapabilitiesRequest()).ok());
  EXPECT_EQ(answer<v1::GetPluginCapabilitiesResponse>().capabilities_size(), 3);
  ASSERT_TRUE(call(*node_, &Node::NodeGetInfo, v1::NodeGetInfoRequest()).ok());
  EXPECT_EQ(answer<v1::NodeGetInfoResponse>().node_id(), "n1");
  ASSERT_TRUE(call(*node_, &Node::NodeGetCapabilities, v1::NodeGetCapabilitiesRequest()).ok());
  EXPECT_EQ(answer<v1::NodeGetCapabilitiesResponse>().capabilities_size(), 5);
  ASSERT_TRUE(call(*controller_, &Controller::ControllerGetCapabilities, v1::ControllerGetCapabilitiesRequest()).ok());
  EXPECT_EQ(answer<v1::ControllerGetCapabilitiesResponse>().capabilities_size(), 8);
}

TEST_F(Driver, ControllerRefusesWhatIsMissing) {
  auto create = [&](auto change) {
    v1::CreateVolumeRequest request = createRequest("x", mountCapability());
    change(request);
    return call(*controller_, &Controller::CreateVolume, request).error_code();
  };
  EXPECT_EQ(create([](auto& r) { r.clear_name(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto& r) { r.clear_volume_capabilities(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto& r) { r.mutable_volume_capabilities(0)->clear_mount(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto& r) { r.mutable_volume_capabilities(0)->clear_access_mode(); }),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto& r) { r.mutable_capacity_range()->set_limit_bytes(1); }), StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(create([](auto& r) { r.mutable_capacity_range()->set_required_bytes(INT64_MAX); }),
            StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(create([](auto& r) { r.mutable_volume_content_source()->mutable_snapshot()->set_snapshot_id("s"); }),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto& r) { r.set_name(std::string(128, 'n')); }), StatusCode::OK);
  EXPECT_EQ(create([](auto& r) {
              (*r.mutable_accessibility_requirements()->add_requisite()->mutable_segments())["zone"] = "far";
            }),
            StatusCode::RESOURCE_EXHAUSTED);

  EXPECT_EQ(call(*controller_, &Controller::DeleteVolume, v1::DeleteVolumeRequest()).error_code(),
            StatusCode::INVALID_ARGUMENT);
  v1::DeleteVolumeRequest unknown;
  unknown.set_volume_id("never-was");
  EXPECT_TRUE(call(*controller_, &Controller::DeleteVolume, unknown).ok());
  auto attach = [&](auto change) {
    v1::ControllerPublishVolumeRequest request = attachRequest("never-was", mountCapability());
    change(request);
    return call(*controller_, &Controller::ControllerPublishVolume, request).error_code();
  };
  EXPECT_EQ(attach([](auto& r) { r.clear_volume_id(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(attach([](auto& r) { r.clear_node_id(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(attach([](auto& r) { r.clear_volume_capability(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(attach([](auto&) {}), StatusCode::NOT_FOUND);
  EXPECT_EQ(
      call(*controller_, &Controller::ControllerUnpublishVolume, v1::ControllerUnpublishVolumeRequest()).error_code(),
      StatusCode::INVALID_ARGUMENT);
  v1::ValidateVolumeCapabilitiesRequest validate;
  validate.set_volume_id("never-was");
  EXPECT_EQ(call(*controller_, &Controller::ValidateVolumeCapabilities, validate).error_code(),
            StatusCode::INVALID_ARGUMENT);
  *validate.add_volume_capabilities() = mountCapability();
  EXPECT_EQ(call(*controller_, &Controller::ValidateVolumeCapabilities, validate).error_code(), StatusCode::NOT_FOUND);
  v1::ControllerExpandVolumeRequest expand;
  EXPECT_EQ(call(*controller_, &Controller::ControllerExpandVolume, expand).error_code(), StatusCode::INVALID_ARGUMENT);
  expand.set_volume_id("never-was");
  EXPECT_EQ(call(*controller_, &Controller::ControllerExpandVolume, expand).error_code(), StatusCode::INVALID_ARGUMENT);
  expand.mutable_capacity_range()->set_required_bytes(1);
  EXPECT_EQ(call(*controller_, &Controller::ControllerExpandVolume, expand).error_code(), StatusCode::NOT_FOUND);
  v1::ListVolumesRequest list;
  list.set_starting_token("not-ours");
  EXPECT_EQ(call(*controller_, &Controller::ListVolumes, list).error_code(), StatusCode::ABORTED);
}

TEST_F(Driver, ControllerCallsMayBeRepeatedAndRefuseToChangeTheirMind) {
  const std::string id = create();
  EXPECT_EQ(create(), id);
  v1::CreateVolumeRequest larger = createRequest("v", mountCapability());
  larger.mutable_capacity_range()->set_required_bytes(16 * kMiB);
  EXPECT_EQ(call(*controller_, &Controller::CreateVolume, larger).error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(call(*controller_, &Controller::CreateVolume, createRequest("v", blockCapability())).error_code(),
            StatusCode::ALREADY_EXISTS);
  v1::ControllerPublishVolumeRequest attach = attachRequest(id, mountCapability());
  attach.set_readonly(true);
  EXPECT_EQ(call(*controller_, &Controller::ControllerPublishVolume, attach).error_code(), StatusCode::ALREADY_EXISTS);
  attach.set_node_id("elsewhere");
  EXPECT_EQ(call(*controller_, &Controller::ControllerPublishVolume, attach).error_code(), StatusCode::NOT_FOUND);

  v1::DeleteVolumeRequest remove;
  remove.set_volume_id(id);
  EXPECT_EQ(call(*controller_, &Controller::DeleteVolume, remove).error_code(), StatusCode::FAILED_PRECONDITION);
  v1::ControllerUnpublishVolumeRequest detach;
  detach.set_volume_id(id);
  EXPECT_TRUE(call(*controller_, &Controller::ControllerUnpublishVolume, detach).ok());
  EXPECT_TRUE(call(*controller_, &Controller::ControllerUnpublishVolume, detach).ok());
  EXPECT_TRUE(call(*controller_, &Controller::DeleteVolume, remove).ok());
  EXPECT_TRUE(call(*controller_, &Controller::DeleteVolume, remove).ok());
  ASSERT_TRUE(call(*controller_, &Controller::ListVolumes, v1::ListVolumesRequest()).ok());
  EXPECT_EQ(answer<v1::ListVolumesResponse>().entries_size(), 0);
}

TEST_F(Driver, ListsInPages) {
  for (const char* name : {"a", "b", "c"})
    ASSERT_TRUE(call(*controller_, &Controller::CreateVolume, createRequest(name, mountCapability())).ok());
  v1::ListVolumesRequest request;
  request.set_max_entries(2);
  ASSERT_TRUE(call(*controller_, &Controller::ListVolumes, request).ok());
  auto page = answer<v1::ListVolumesResponse>();
  EXPECT_EQ(page.entries_size(), 2);
  request.set_starting_token(page.next_token());
  ASSERT_TRUE(call(*controller_, &Controller::ListVolumes, request).ok());
  page = answer<v1::ListVolumesResponse>();
  EXPECT_EQ(page.entries_size(), 1);
  EXPECT_EQ(page.next_token(), "");
}

TEST_F(Driver, TheNodeTakesSoManyVolumesAndNoMore) {
  stop(SIGTERM);
  start({"--max-volumes=1"});
  create();
  ASSERT_TRUE(call(*controller_, &Controller::CreateVolume, createRequest("w", mountCapability())).ok());
  const std::string second = answer<v1::CreateVolumeResponse>().volume().volume_id();
  EXPECT_EQ(
      call(*controller_, &Controller::ControllerPublishVolume, attachRequest(second, mountCapability())).error_code(),
      StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(Driver, NodeRefusesWhatIsMissingOrUnknown) {
  auto staged = [&](auto change) {
    v1::NodeStageVolumeRequest request = stageRequest("never-was");
    change(request);
    return stage(request);
  };
  EXPECT_EQ(staged([](auto& r) { r.clear_volume_id(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(staged([](auto& r) { r.clear_staging_target_path(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(staged([](auto& r) { r.clear_volume_capability(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(staged([](auto&) {}), StatusCode::NOT_FOUND);
  auto published = [&](auto change) {
    v1::NodePublishVolumeRequest request = publishRequest("never-was", "a");
    change(request);
    return publish(request);
  };
  EXPECT_EQ(published([](auto& r) { r.clear_volume_id(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(published([](auto& r) { r.clear_target_path(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(published([](auto& r) { r.clear_volume_capability(); }), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(published([](auto&) {}), StatusCode::NOT_FOUND);
  EXPECT_EQ(unpublish(v1::NodeUnpublishVolumeRequest()), StatusCode::INVALID_ARGUMENT);
  v1::NodeUnpublishVolumeRequest noPath;
  noPath.set_volume_id("never-was");
  EXPECT_EQ(unpublish(noPath), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(unpublish(unpublishRequest("never-was", "a")), StatusCode::NOT_FOUND);
  EXPECT_EQ(unstage(v1::NodeUnstageVolumeRequest()), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(unstage(unstageRequest("never-was")), StatusCode::NOT_FOUND);

  v1::NodeGetVolumeStatsRequest stats;
  EXPECT_EQ(call(*node_, &Node::NodeGetVolumeStats, stats).error_code(), StatusCode::INVALID_ARGUMENT);
  stats.set_volume_id("never-was");
  EXPECT_EQ(call(*node_, &Node::NodeGetVolumeStats, stats).error_code(), StatusCode::INVALID_ARGUMENT);
  stats.set_volume_path(target("a"));
  EXPECT_EQ(call(*node_, &Node::NodeGetVolumeStats, stats).error_code(), StatusCode::NOT_FOUND);
  v1::NodeExpandVolumeRequest expand;
  EXPECT_EQ(call(*node_, &Node::NodeExpandVolume, expand).error_code(), StatusCode::INVALID_ARGUMENT);
  expand.set_volume_id("never-was");
  EXPECT_EQ(call(*node_, &Node::NodeExpandVolume, expand).error_code(), StatusCode::INVALID_ARGUMENT);
  expand.set_volume_path(target("a"));
  EXPECT_EQ(call(*node_, &Node::NodeExpandVolume, expand).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(Driver, AVolumeIsStagedPublishedAndBackEachStepTwice) {
  const std::string id = create();
  EXPECT_EQ(publish(publishRequest(id, "a")), StatusCode::FAILED_PRECONDITION) << "not staged";
  for (int i = 0; i < 2; ++i) ASSERT_EQ(stage(stageRequest(id)), StatusCode::OK);
  for (int i = 0; i < 2; ++i) ASSERT_EQ(publish(publishRequest(id, "a")), StatusCode::OK);
  std::ofstream(target("a") + "/file") << "content";
  EXPECT_TRUE(fs::exists(dir_ / "stage/file"));
  EXPECT_EQ(unstage(unstageRequest(id)), StatusCode::FAILED_PRECONDITION) << "still published";
  for (int i = 0; i < 2; ++i) ASSERT_EQ(unpublish(unpublishRequest(id, "a")), StatusCode::OK);
  EXPECT_FALSE(fs::exists(target("a"))) << "the driver removes what it has made";
  for (int i = 0; i < 2; ++i) ASSERT_EQ(unstage(unstageRequest(id)), StatusCode::OK);
  EXPECT_FALSE(isMounted(dir_ / "stage"));
  EXPECT_TRUE(fs::is_empty(dir_ / "stage"));
  ASSERT_EQ(stage(stageRequest(id)), StatusCode::OK);
  EXPECT_TRUE(fs::exists(dir_ / "stage/file")) << "the data stays with the volume";
}

TEST_F(Driver, ARepeatInAnotherWayIsRefused) {
  const std::string id = create();
  ASSERT_EQ(stage(stageRequest(id)), StatusCode::OK);
  EXPECT_EQ(stage(stageRequest(id, mountCapability(Mode::MULTI_NODE_READER_ONLY))), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(stage(stageRequest(id, blockCapability())), StatusCode::FAILED_PRECONDITION);
  ASSERT_EQ(publish(publishRequest(id, "a")), StatusCode::OK);
  v1::NodePublishVolumeRequest readOnly = publishRequest(id, "a");
  readOnly.set_readonly(true);
  EXPECT_EQ(publish(readOnly), StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(publish(publishRequest(id, "b")), StatusCode::FAILED_PRECONDITION) << "one target only";
  v1::NodePublishVolumeRequest unstaged = publishRequest(id, "b");
  unstaged.clear_staging_target_path();
  EXPECT_EQ(publish(unstaged), StatusCode::FAILED_PRECONDITION);
}

TEST_F(Driver, AccessModesSayHowManyTargetsThereMayBe) {
  const v1::VolumeCapability several = mountCapability(Mode::SINGLE_NODE_MULTI_WRITER);
  const std::string id = create(several);
  ASSERT_EQ(stage(stageRequest(id, several)), StatusCode::OK);
  EXPECT_EQ(publish(publishRequest(id, "a", several)), StatusCode::OK);
  EXPECT_EQ(publish(publishRequest(id, "b", several)), StatusCode::OK);
  EXPECT_EQ(unpublish(unpublishRequest(id, "a")), StatusCode::OK);
  EXPECT_TRUE(isMounted(target("b")));
  EXPECT_EQ(publish(publishRequest(id, "a", mountCapability(Mode::SINGLE_NODE_SINGLE_WRITER))),
            StatusCode::FAILED_PRECONDITION);
}

TEST_F(Driver, ReadOnlyAndMountFlagsAreKept) {
  const v1::VolumeCapability several = mountCapability(Mode::SINGLE_NODE_MULTI_WRITER);
  const std::string id = create(several);
  ASSERT_EQ(stage(stageRequest(id, several)), StatusCode::OK);
  v1::NodePublishVolumeRequest readOnly = publishRequest(id, "a", several);
  readOnly.set_readonly(true);
  ASSERT_EQ(publish(readOnly), StatusCode::OK);
  EXPECT_FALSE(std::ofstream(target("a") + "/file").is_open());
  v1::NodePublishVolumeRequest flags = publishRequest(id, "b", several);
  flags.mutable_volume_capability()->mutable_mount()->add_mount_flags("wobbly");
  EXPECT_EQ(publish(flags), StatusCode::INVALID_ARGUMENT);
}

TEST_F(Driver, TellsFiguresAndGrows) {
  const std::string id = create();
  ASSERT_EQ(stage(stageRequest(id)), StatusCode::OK);
  ASSERT_EQ(publish(publishRequest(id, "a")), StatusCode::OK);
  v1::NodeGetVolumeStatsRequest stats;
  stats.set_volume_id(id);
  stats.set_volume_path(target("a"));
  ASSERT_TRUE(call(*node_, &Node::NodeGetVolumeStats, stats).ok());
  auto usage = answer<v1::NodeGetVolumeStatsResponse>();
  ASSERT_EQ(usage.usage_size(), 2);
  EXPECT_EQ(usage.usage(0).total(), 8 * kMiB);
  stats.set_volume_path("/some/path");
  EXPECT_EQ(call(*node_, &Node::NodeGetVolumeStats, stats).error_code(), StatusCode::NOT_FOUND);

  v1::NodeExpandVolumeRequest onNode;
  onNode.set_volume_id(id);
  onNode.set_volume_path(target("a"));
  onNode.mutable_capacity_range()->set_required_bytes(16 * kMiB);
  EXPECT_EQ(call(*node_, &Node::NodeExpandVolume, onNode).error_code(), StatusCode::OUT_OF_RANGE)
      << "not before the controller";
  v1::ControllerExpandVolumeRequest expand;
  expand.set_volume_id(id);
  expand.mutable_capacity_range()->set_required_bytes(16 * kMiB);
  ASSERT_TRUE(call(*controller_, &Controller::ControllerExpandVolume, expand).ok());
  EXPECT_TRUE(answer<v1::ControllerExpandVolumeResponse>().node_expansion_required());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(call(*node_, &Node::NodeExpandVolume, onNode).ok());
    EXPECT_EQ(answer<v1::NodeExpandVolumeResponse>().capacity_bytes(), 16 * kMiB);
  }
  stats.set_volume_path(target("a"));
  ASSERT_TRUE(call(*node_, &Node::NodeGetVolumeStats, stats).ok());
  EXPECT_EQ(answer<v1::NodeGetVolumeStatsResponse>().usage(0).total(), 16 * kMiB);
}

TEST_F(Driver, ABlockVolumeIsADevice) {
  const std::string id = create(blockCapability());
  const grpc::Status staged = call(*node_, &Node::NodeStageVolume, stageRequest(id, blockCapability()));
  if (!staged.ok() && staged.error_message().find("loop") != std::string::npos)
    GTEST_SKIP() << "no loop devices here: " << staged.error_message();
  ASSERT_TRUE(staged.ok()) << staged.error_message();
  for (int i = 0; i < 2; ++i) ASSERT_EQ(publish(publishRequest(id, "a", blockCapability())), StatusCode::OK);
  struct stat info = {};
  ASSERT_EQ(::stat(target("a").c_str(), &info), 0);
  EXPECT_TRUE(S_ISBLK(info.st_mode));
  EXPECT_EQ(publish(publishRequest(id, "a")), StatusCode::FAILED_PRECONDITION);

  v1::ControllerExpandVolumeRequest expand;
  expand.set_volume_id(id);
  expand.mutable_capacity_range()->set_required_bytes(16 * kMiB);
  ASSERT_TRUE(call(*controller_, &Controller::ControllerExpandVolume, expand).ok());
  v1::NodeExpandVolumeRequest onNode;
  onNode.set_volume_id(id);
  onNode.set_volume_path(target("a"));
  ASSERT_TRUE(call(*node_, &Node::NodeExpandVolume, onNode).ok());
  std::ifstream device(target("a"), std::ios::binary | std::ios::ate);
  EXPECT_EQ(device.tellg(), 16 * kMiB);
  device.close();

  for (int i = 0; i < 2; ++i) ASSERT_EQ(unpublish(unpublishRequest(id, "a")), StatusCode::OK);
  EXPECT_FALSE(fs::exists(target("a")));
  for (int i = 0; i < 2; ++i) ASSERT_EQ(unstage(unstageRequest(id)), StatusCode::OK);
  EXPECT_EQ(findLoop(dir_ / ("state/" + id + "/disk.img")), "") << "the loop device is free again";
}

TEST_F(Driver, AnInlineVolumeLivesFromPublishToUnpublish) {
  v1::NodePublishVolumeRequest request = publishRequest("csi-0123", "a");
  request.clear_staging_target_path();
  (*request.mutable_volume_context())["csi.storage.k8s.io/ephemeral"] = "true";
  (*request.mutable_volume_context())["size"] = "1048576";
  for (int i = 0; i < 2; ++i) ASSERT_EQ(publish(request), StatusCode::OK);
  std::ofstream(target("a") + "/file") << "content";
  for (int i = 0; i < 2; ++i) ASSERT_EQ(unpublish(unpublishRequest("csi-0123", "a")), StatusCode::OK);
  EXPECT_FALSE(fs::exists(target("a")));
  ASSERT_TRUE(call(*controller_, &Controller::ListVolumes, v1::ListVolumesRequest()).ok());
  EXPECT_EQ(answer<v1::ListVolumesResponse>().entries_size(), 0);
  request.set_volume_id("../../etc");
  EXPECT_EQ(publish(request), StatusCode::INVALID_ARGUMENT);
}

TEST_F(Driver, ACrashAtEachStepIsRepeatedToTheEnd) {
  const std::string id = create();
  const std::vector<std::pair<std::string, std::function<StatusCode()>>> life = {
      {"NodeStageVolume", [&] { return stage(stageRequest(id)); }},
      {"NodePublishVolume", [&] { return publish(publishRequest(id, "a")); }},
      {"NodeUnpublishVolume", [&] { return unpublish(unpublishRequest(id, "a")); }},
      {"NodeUnstageVolume", [&] { return unstage(unstageRequest(id)); }},
  };
  for (const auto& [method, step] : life)
    for (const char* point : {"before", "made", "after"}) {
      if (method == "NodeUnpublishVolume" && std::string(point) != "before") {
        ASSERT_EQ(publish(publishRequest(id, "a")), StatusCode::OK);  // the last round took it away
      }
      if (method == "NodeUnstageVolume" && std::string(point) != "before") {
        ASSERT_EQ(stage(stageRequest(id)), StatusCode::OK);
      }
      order(method + " " + point + " crash\n");
      EXPECT_EQ(step(), StatusCode::UNAVAILABLE) << method << " " << point;
      awaitEnd();
      start();
      EXPECT_EQ(step(), StatusCode::OK) << method << " " << point;
    }
  EXPECT_FALSE(isMounted(dir_ / "stage"));
  EXPECT_FALSE(fs::exists(target("a")));
}

TEST_F(Driver, FaultsComeWhenOrderedAndOnce) {
  const std::string id = create();
  order("NodeStageVolume before error UNAVAILABLE\nNodeStageVolume after error DEADLINE_EXCEEDED\n");
  EXPECT_EQ(stage(stageRequest(id)), StatusCode::UNAVAILABLE);
  EXPECT_FALSE(isMounted(dir_ / "stage"));
  EXPECT_EQ(stage(stageRequest(id)), StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(isMounted(dir_ / "stage")) << "done, and the answer was lost";
  EXPECT_EQ(stage(stageRequest(id)), StatusCode::OK);
}

TEST_F(Driver, RegistersItself) {
  auto channel = grpc::CreateChannel("unix:" + (dir_ / "reg.sock"), grpc::InsecureChannelCredentials());
  auto registration = pluginregistration::Registration::NewStub(channel);
  grpc::ClientContext asking;
  pluginregistration::PluginInfo info;
  ASSERT_TRUE(registration->GetInfo(&asking, pluginregistration::InfoRequest(), &info).ok());
  EXPECT_EQ(info.type(), "CSIPlugin");
  EXPECT_EQ(info.endpoint(), dir_ / "csi.sock");
  EXPECT_THAT(info.supported_versions(), testing::ElementsAre("1.0.0"));
  grpc::ClientContext telling;
  pluginregistration::RegistrationStatus status;
  status.set_plugin_registered(true);
  pluginregistration::RegistrationStatusResponse done;
  ASSERT_TRUE(registration->NotifyRegistrationStatus(&telling, status, &done).ok());
  awaitLine("registered");
}

TEST(FaultFile, SkipsWhatMakesNoSense) {
  const auto faults = parseFaults("A before crash\n\nnonsense\nalways B after delay 20\n");
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_EQ(toText(faults), "A before crash\nalways B after delay 20\n");
}

}  // namespace
}  // namespace cubelet::hostpath
