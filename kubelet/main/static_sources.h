// StaticSources: where static pods come from, and the objects that they may refer to, wired together.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/task_group.h"
#include "kubelet/config/load.h"
#include "kubelet/objects/objects.h"
#include "kubelet/sync/sync_loop.h"
#include "staticpods/objects/local_objects.h"
#include "staticpods/source/manifest_directory.h"
#include "staticpods/source/manifest_url.h"

namespace cubelet {

// Loop thread only.
class StaticSources {
 public:
  using Problems = std::map<std::string, std::vector<staticpods::FileProblem>>;
  // All must outlive this object.
  struct Services {
    Loop& loop;
    Clock& clock;
    BlockingPool& blocking;
    sync::SyncLoop& sync;
  };
  // `stateDirectory`: for what must outlive the agent.
  StaticSources(Services services, const config::Effective& effective, std::string stateDirectory);

  // Names the sources that will deliver. Before start().
  void expect();
  // A node without a cluster may have objects for its pods as files: they are watched from now on. Before start().
  // Null: there are none.
  objects::Objects* startObjects();
  void start();
  Task<void> close() { return tasks_.close(); }

  // What cannot be used of the files, by source.
  const Problems& problems() const { return problems_; }

 private:
  void startDirectory();
  void startUrl();
  staticpods::References references() const;
  void deliver(const std::string& source, staticpods::PodSet set);

  Services services_;
  const config::Effective& effective_;
  std::string stateDirectory_;
  std::unique_ptr<staticpods::LocalObjects> objects_;  // null: an API server has them, or there are none
  std::unique_ptr<staticpods::ManifestDirectory> directory_;
  std::unique_ptr<staticpods::ManifestUrl> url_;
  Problems problems_;
  TaskGroup tasks_;
};

}  // namespace cubelet
