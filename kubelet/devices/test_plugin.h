// TestPlugin: a device plug-in with state behind a real socket. For tests.
#pragma once

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/rpc/call.h"
#include "base/rpc/test_server.h"
#include "base/wake.h"
#include "kubelet/devices/state.h"

namespace cubelet::devices {

// Every container gets DEVICES=<its devices>, one mount, one device node and one annotation. Loop thread only.
class TestPlugin {
 public:
  // `directory` is that of device plug-ins and exists.
  TestPlugin(Loop& loop, Clock& clock, std::string directory, std::string name)
      : loop_(loop), clock_(clock), directory_(std::move(directory)), name_(std::move(name)) {
    serve();
  }

  // By ID: is it healthy? Tells whoever watches.
  void setDevices(std::map<std::string, bool> devices) {
    devices_ = std::move(devices);
    for (Wake* watcher : watchers_) watcher->ring();
  }
  // As a plug-in that is killed.
  void stop() { server_.reset(); }
  void serve() {
    server_ = std::make_unique<rpc::TestServer>(loop_, directory_ + "/" + name_);
    on<wire::Empty, wire::DevicePluginOptions>("GetDevicePluginOptions", [this](auto) { return options; });
    on<wire::AllocateRequest, wire::AllocateResponse>("Allocate", [this](auto asked) { return allocate(asked); });
    server_->onCall<wire::PreferredAllocationRequest, wire::PreferredAllocationResponse>(
        "/v1beta1.DevicePlugin/GetPreferredAllocation",
        [this](wire::PreferredAllocationRequest asked) { return chooseInTime(this, std::move(asked)); });
    on<wire::PreStartContainerRequest, wire::PreStartContainerResponse>("PreStartContainer", [this](auto asked) {
      note("PreStart", asked.devices_ids());
      return wire::PreStartContainerResponse();
    });
    server_->onStream("/v1beta1.DevicePlugin/ListAndWatch",
                      [this](const std::string&, std::shared_ptr<rpc::TestSink> sink) { return watch(this, sink); });
    EXPECT_TRUE(server_->start());
  }

  wire::RegisterRequest registration(const std::string& resource) const {
    wire::RegisterRequest request;
    request.set_version("v1beta1");
    request.set_endpoint(name_);
    request.set_resource_name(resource);
    return request;
  }
  // With holdsPreferred: the answer about preferred devices that is awaited, one at most, and all later ones.
  void letGo() {
    holdsPreferred = false;
    letGo_.ring();
  }
  std::size_t watchers() const { return watchers_.size(); }
  std::size_t count(const std::string& call) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(calls, [&](const std::string& one) { return one.starts_with(call); }));
  }

  wire::DevicePluginOptions options;
  std::vector<std::string> preferred;  // what it would choose
  bool holdsPreferred = false;         // it does not say so before letGo()
  std::string mountSource = "/usr/lib/vendor";
  std::string failure;             // of the next Allocate call
  std::vector<std::string> calls;  // "Allocate a b"

 private:
  template <class Request, class Reply>
  static Task<Result<Reply>> answer(Result<Reply> reply) {
    co_return reply;
  }
  template <class Request, class Reply, class Fn>
  void on(const std::string& method, Fn fn) {
    server_->onCall<Request, Reply>("/v1beta1.DevicePlugin/" + method, [fn](Request request) -> Task<Result<Reply>> {
      return answer<Request, Reply>(fn(std::move(request)));
    });
  }
  template <class Strings>
  void note(std::string call, const Strings& ids) {
    for (const std::string& id : ids) call += " " + id;
    calls.push_back(std::move(call));
  }
  Result<wire::AllocateResponse> allocate(const wire::AllocateRequest& asked) {
    wire::AllocateResponse out;
    for (const wire::ContainerAllocateRequest& one : asked.container_requests()) {
      note("Allocate", one.devices_ids());
      wire::ContainerAllocateResponse& response = *out.add_container_responses();
      std::string& all = (*response.mutable_envs())["DEVICES"];
      for (const std::string& id : one.devices_ids()) all += (all.empty() ? "" : ",") + id;
      wire::Mount& mount = *response.add_mounts();
      mount.set_host_path(mountSource);
      mount.set_container_path("/vendor");
      mount.set_read_only(true);
      wire::DeviceSpec& device = *response.add_devices();
      device.set_host_path("/dev/null");
      device.set_container_path("/dev/vendor0");
      device.set_permissions("rw");
      (*response.mutable_annotations())["vendor.example.com/devices"] = all;
    }
    if (const std::string why = std::exchange(failure, ""); !why.empty()) return fail(Code::kInternal, "", why);
    return out;
  }
  wire::PreferredAllocationResponse choose(const wire::PreferredAllocationRequest& asked) {
    const wire::ContainerPreferredAllocationRequest& one = asked.container_requests(0);
    note("Preferred " + std::to_string(one.allocation_size()) + " of", one.available_deviceids());
    wire::PreferredAllocationResponse out;
    out.add_container_responses()->mutable_deviceids()->Assign(preferred.begin(), preferred.end());
    return out;
  }
  static Task<Result<wire::PreferredAllocationResponse>> chooseInTime(TestPlugin* plugin,
                                                                      wire::PreferredAllocationRequest asked) {
    wire::PreferredAllocationResponse out = plugin->choose(asked);
    while (plugin->holdsPreferred) co_await plugin->letGo_.wait();
    co_return out;
  }
  std::string list() const {
    wire::ListAndWatchResponse out;
    for (const auto& [id, healthy] : devices_) {
      wire::Device& device = *out.add_devices();
      device.set_id(id);
      device.set_health(healthy ? "Healthy" : "Unhealthy");
    }
    return out.SerializeAsString();
  }
  static Task<Result<void>> watch(TestPlugin* plugin, std::shared_ptr<rpc::TestSink> sink) {
    struct Watching {
      explicit Watching(TestPlugin* p) : plugin(p), wake(p->clock_) { plugin->watchers_.insert(&wake); }
      Watching(const Watching&) = delete;
      Watching& operator=(const Watching&) = delete;
      ~Watching() { plugin->watchers_.erase(&wake); }
      TestPlugin* plugin;
      Wake wake;
    } watching(plugin);
    for (;;) {
      std::string list = plugin->list();
      Result<void> sent = co_await sink->send(std::move(list));
      if (!sent) co_return sent;
      co_await watching.wake.wait();
    }
  }

  Loop& loop_;
  Clock& clock_;
  std::string directory_;
  std::string name_;
  std::map<std::string, bool> devices_;
  std::set<Wake*> watchers_;
  Wake letGo_{clock_};
  std::unique_ptr<rpc::TestServer> server_;
};

// What a plug-in does to make itself known; `kubelet` leads to the kubelet's socket.
inline Task<Result<wire::Empty>> registerPlugin(rpc::ChannelPtr kubelet, wire::RegisterRequest request) {
  rpc::CallOptions options;
  options.waitForReady = true;
  return rpc::call<wire::Empty>(std::move(kubelet), "/v1beta1.Registration/Register", request, options);
}

}  // namespace cubelet::devices
