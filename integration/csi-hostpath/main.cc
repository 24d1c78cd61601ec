// csi-hostpath: a CSI driver whose volumes are directories and image files of this machine.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "integration/csi-hostpath/rules.h"
#include "integration/csi-hostpath/services.h"
#include "integration/csi-hostpath/volumes.h"

namespace cubelet::hostpath {
namespace {

constexpr char kUsage[] =
    "csi-hostpath --endpoint=SOCKET --state-dir=DIR [--registration=SOCKET] [--name=NAME] [--node-id=ID]\n"
    "             [--volume=HANDLE ...] [--block-volume=HANDLE ...] [--volume-size=BYTES] [--faults=FILE] "
    "[--max-volumes=N] "
    "[--max-capacity=BYTES] [--no-attach] [--no-stage] "
    "[--mount-group]\n";

bool parse(int argc, char** argv, Options& options) {
  const std::map<std::string, std::function<void(const std::string&)>> named = {
      {"--endpoint", [&](const std::string& v) { options.endpoint = v.starts_with("unix://") ? v.substr(7) : v; }},
      {"--state-dir", [&](const std::string& v) { options.stateDir = v; }},
      {"--registration", [&](const std::string& v) { options.registration = v; }},
      {"--name", [&](const std::string& v) { options.name = v; }},
      {"--node-id", [&](const std::string& v) { options.nodeId = v; }},
      {"--faults", [&](const std::string& v) { options.faults = v; }},
      {"--volume", [&](const std::string& v) { options.volumes.push_back(v); }},
      {"--block-volume", [&](const std::string& v) { options.blockVolumes.push_back(v); }},
      {"--volume-size", [&](const std::string& v) { options.volumeSize = std::atoll(v.c_str()); }},
      {"--max-volumes", [&](const std::string& v) { options.maxVolumes = std::atoll(v.c_str()); }},
      {"--max-capacity", [&](const std::string& v) { options.maxCapacity = std::atoll(v.c_str()); }},
      {"--no-attach", [&](const std::string&) { options.attach = false; }},
      {"--no-stage", [&](const std::string&) { options.stage = false; }},
      {"--mount-group", [&](const std::string&) { options.mountGroup = true; }},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::size_t equals = argument.find('=');
    auto found = named.find(argument.substr(0, equals));
    if (found == named.end()) {
      std::fprintf(stderr, "csi-hostpath: unknown option %s\n%s", argument.c_str(), kUsage);
      return false;
    }
    found->second(equals == std::string::npos ? "" : argument.substr(equals + 1));
  }
  if (!options.endpoint.empty() && !options.stateDir.empty()) return true;
  std::fputs(kUsage, stderr);
  return false;
}

// For users without a controller that makes volumes for them, and makes them larger.
bool makeVolume(Volumes& volumes, const std::string& handle, bool block, std::int64_t size) {
  if (std::optional<State> known = volumes.find(handle)) {
    if (known->capacity() >= size) return true;
    known->set_capacity(size);
    return volumes.save(*known).has_value();
  }
  if (grpc::Status bad = checkVolumeId(handle); !bad.ok()) {
    std::fprintf(stderr, "csi-hostpath: %s\n", bad.error_message().c_str());
    return false;
  }
  State volume;
  volume.set_id(handle);
  volume.set_name(handle);
  volume.set_block(block);
  volume.set_capacity(size);
  volume.set_node_capacity(size);
  auto made = volumes.create(volume);
  if (!made) std::fprintf(stderr, "csi-hostpath: %s\n", made.error().message.c_str());
  return made.has_value();
}

bool makeVolumes(Volumes& volumes, const Options& options) {
  for (const std::string& handle : options.volumes)
    if (!makeVolume(volumes, handle, false, options.volumeSize)) return false;
  for (const std::string& handle : options.blockVolumes)
    if (!makeVolume(volumes, handle, true, options.volumeSize)) return false;
  return true;
}

std::unique_ptr<grpc::Server> serve(const std::string& socket, const std::vector<grpc::Service*>& services) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
  for (grpc::Service* service : services) builder.RegisterService(service);
  auto server = builder.BuildAndStart();
  if (!server) std::fprintf(stderr, "csi-hostpath: cannot serve %s\n", socket.c_str());
  return server;
}

int run(const Options& options) {
  // gRPC's threads inherit the mask, so that the signals come to sigwait() below.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  Faults faults(options.faults);
  Volumes volumes(options.stateDir);
  if (auto loaded = volumes.load(); !loaded) {
    std::fprintf(stderr, "csi-hostpath: %s\n", loaded.error().message.c_str());
    return 1;
  }
  if (!makeVolumes(volumes, options)) return 1;
  IdentityService identity(options, faults);
  ControllerService controller(options, faults, volumes);
  NodeService node(options, faults, volumes);
  auto server = serve(options.endpoint, {&identity, &controller, &node});
  if (!server) return 1;

  RegistrationService registration(options, [](bool registered, const std::string& error) {
    if (registered) {
      std::puts("registered");
      std::fflush(stdout);
      return;
    }
    // As the usual sidecar: whoever supervises the driver starts it again.
    std::fprintf(stderr, "csi-hostpath: refused: %s\n", error.c_str());
    ::kill(::getpid(), SIGTERM);
  });
  std::unique_ptr<grpc::Server> registrar;
  // Only after the driver's own socket: the kubelet calls it at once.
  if (!options.registration.empty()) {
    registrar = serve(options.registration, {&registration});
    if (!registrar) return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  if (registrar) registrar->Shutdown(std::chrono::system_clock::now());
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  return 0;
}

}  // namespace
}  // namespace cubelet::hostpath

int main(int argc, char** argv) {
  cubelet::hostpath::Options options;
  if (!cubelet::hostpath::parse(argc, argv, options)) return 2;
  return cubelet::hostpath::run(options);
}
