#include "integration/bench/csi_floor.h"

#include <atomic>
#include <future>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <stdexcept>

#include "proto/csi/csi.grpc.pb.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace v1 = ::csi::v1;
namespace {

void must(const grpc::Status& status, const char* call) {
  if (!status.ok()) throw std::runtime_error(std::string(call) + ": " + status.error_message());
}

v1::VolumeCapability capability() {
  v1::VolumeCapability capability;
  capability.mutable_mount();
  capability.mutable_access_mode()->set_mode(v1::VolumeCapability::AccessMode::SINGLE_NODE_WRITER);
  return capability;
}

}  // namespace

struct CsiFloor::Client {
  std::unique_ptr<v1::Node::Stub> node;
  fs::path dir;

  std::string staging(const std::string& handle) const { return dir / handle / "staging"; }
  std::string target(const std::string& handle) const { return dir / handle / "target"; }

  void mount(const std::string& handle) const {
    fs::create_directories(staging(handle));
    v1::NodeStageVolumeRequest stage;
    stage.set_volume_id(handle);
    stage.set_staging_target_path(staging(handle));
    *stage.mutable_volume_capability() = capability();
    v1::NodeStageVolumeResponse staged;
    grpc::ClientContext first;
    must(node->NodeStageVolume(&first, stage, &staged), "NodeStageVolume");

    v1::NodePublishVolumeRequest publish;
    publish.set_volume_id(handle);
    publish.set_staging_target_path(staging(handle));
    publish.set_target_path(target(handle));
    *publish.mutable_volume_capability() = capability();
    v1::NodePublishVolumeResponse published;
    grpc::ClientContext second;
    must(node->NodePublishVolume(&second, publish, &published), "NodePublishVolume");
  }
  void unmount(const std::string& handle) const {
    v1::NodeUnpublishVolumeRequest unpublish;
    unpublish.set_volume_id(handle);
    unpublish.set_target_path(target(handle));
    v1::NodeUnpublishVolumeResponse unpublished;
    grpc::ClientContext first;
    must(node->NodeUnpublishVolume(&first, unpublish, &unpublished), "NodeUnpublishVolume");

    v1::NodeUnstageVolumeRequest unstage;
    unstage.set_volume_id(handle);
    unstage.set_staging_target_path(staging(handle));
    v1::NodeUnstageVolumeResponse unstaged;
    grpc::ClientContext second;
    must(node->NodeUnstageVolume(&second, unstage, &unstaged), "NodeUnstageVolume");
  }
};

CsiFloor::CsiFloor(const fs::path& socket, fs::path dir) : client_(std::make_unique<Client>()) {
  client_->node = v1::Node::NewStub(grpc::CreateChannel("unix:" + socket.string(), grpc::InsecureChannelCredentials()));
  client_->dir = std::move(dir);
}

CsiFloor::~CsiFloor() = default;

void CsiFloor::mount(const std::vector<std::string>& handles, int parallel) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::future<void>> workers;
  for (int i = 0; i < parallel; ++i)
    workers.push_back(std::async(std::launch::async, [&] {
      for (std::size_t at = next++; at < handles.size(); at = next++) client_->mount(handles[at]);
    }));
  for (std::future<void>& worker : workers) worker.get();
}

void CsiFloor::unmount(const std::vector<std::string>& handles) {
  for (const std::string& handle : handles) client_->unmount(handle);
}

}  // namespace cubelet::integration
