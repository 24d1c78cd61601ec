#include "kubelet/main/static_sources.h"

#include <utility>

#include "base/files.h"
#include "kubelet/main/agent_options.h"

namespace cubelet {
namespace {

constexpr char kFileSource[] = "file";
constexpr char kHttpSource[] = "http";
constexpr char kLocalObjects[] = "objects";

}  // namespace

StaticSources::StaticSources(Services services, const config::Effective& effective, std::string stateDirectory)
    : services_(services), effective_(effective), stateDirectory_(std::move(stateDirectory)), tasks_(services.loop) {}

void StaticSources::expect() {
  if (!effective_.config.staticpodpath().empty()) services_.sync.expectSource(kFileSource);
  if (!effective_.config.staticpodurl().empty()) services_.sync.expectSource(kHttpSource);
}

objects::Objects* StaticSources::startObjects() {
  staticpods::LocalObjects::Options options;
  options.path = localObjectsPath(effective_);
  options.checkFrequency = Duration(effective_.config.filecheckfrequency().duration());
  if (options.path.empty()) return nullptr;
  auto problems = [this](std::vector<staticpods::FileProblem> all) { problems_[kLocalObjects] = std::move(all); };
  objects_ = std::make_unique<staticpods::LocalObjects>(services_.loop, services_.clock, services_.blocking,
                                                        std::move(options), std::move(problems));
  objects_->onChange(
      [this](const std::string& ns, const std::string& name) { services_.sync.objectChanged(ns, name); });
  tasks_.spawn("objects for static pods", objects_->run());
  return objects_.get();
}

void StaticSources::start() {
  if (!effective_.config.staticpodpath().empty()) startDirectory();
  if (!effective_.config.staticpodurl().empty()) startUrl();
}

staticpods::References StaticSources::references() const {
  return objects_ ? staticpods::References::kLocal : staticpods::References::kRefused;
}

void StaticSources::startDirectory() {
  const config::KubeletConfiguration& config = effective_.config;
  staticpods::ManifestDirectory::Options options;
  options.path = config.staticpodpath();
  options.stateDirectory = joinPath(stateDirectory_, kFileSource);
  options.nodeName = effective_.nodeName;
  options.references = references();
  options.fileCheckFrequency = Duration(config.filecheckfrequency().duration());
  auto take = [this](staticpods::PodSet set) { deliver(kFileSource, std::move(set)); };
  directory_ = std::make_unique<staticpods::ManifestDirectory>(services_.loop, services_.clock, services_.blocking,
                                                               std::move(options), take);
  tasks_.spawn("static pods", directory_->run());
}

void StaticSources::startUrl() {
  const config::KubeletConfiguration& config = effective_.config;
  staticpods::ManifestUrl::Options options;
  options.url = config.staticpodurl();
  for (const auto& [name, values] : config.staticpodurlheader())
    for (const std::string& value : values.items()) options.headers.push_back({name, value});
  options.stateDirectory = joinPath(stateDirectory_, kHttpSource);
  options.nodeName = effective_.nodeName;
  options.references = references();
  options.httpCheckFrequency = Duration(config.httpcheckfrequency().duration());
  auto take = [this](staticpods::PodSet set) { deliver(kHttpSource, std::move(set)); };
  url_ = std::make_unique<staticpods::ManifestUrl>(services_.loop, services_.clock, services_.blocking,
                                                   std::move(options), take);
  tasks_.spawn("static pods by URL", url_->run());
}

void StaticSources::deliver(const std::string& source, staticpods::PodSet set) {
  problems_[source] = std::move(set.problems);
  std::vector<sync::core::Pod> pods;
  pods.reserve(set.pods.size());
  for (staticpods::StaticPod& one : set.pods) pods.push_back(std::move(one.pod));
  services_.sync.setPods(source, std::move(pods));
}

}  // namespace cubelet
