// LocalObjects: Objects, from files of a standalone node.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/wake.h"
#include "kubelet/objects/objects.h"
#include "staticpods/objects/object_table.h"
#include "staticpods/source/directory_watch.h"
#include "staticpods/source/pod_set.h"
#include "staticpods/source/problem_log.h"

namespace cubelet::staticpods {

// Watches a directory of objects, or one file. All objects are at hand, whether a pod uses them or not; there are no
// services, and no tokens. A file that is unreadable, invalid or half-written stays in effect in its last good version;
// so do all when the directory as a whole vanishes or cannot be read. A missing directory means no objects.
//
// New and changed files take effect without delay. A file that vanishes is missed for `removalGrace` first, because
// many editors move the old file away before they write the new one. Loop thread only.
class LocalObjects final : public objects::Objects {
 public:
  struct Options {
    std::string path;  // absolute
    Duration checkFrequency = std::chrono::seconds(20);
    Duration removalGrace = std::chrono::milliseconds(100);
  };
  using OnProblems = std::function<void(std::vector<FileProblem>)>;
  // `onProblems` is called on the loop while run() runs, with all problems there are, when they have changed.
  // References must outlive this object.
  LocalObjects(Loop& loop, Clock& clock, BlockingPool& pool, Options options, OnProblems onProblems);

  // Until cancelled. Once.
  Task<void> run();

  void use(const objects::core::Pod&) override {}
  void release(const std::string&) override {}
  // The first question waits for the first look at the directory. kNotFound: the message says where the object is
  // missing.
  Task<Result<objects::ConfigMapPtr>> configMap(std::string ns, std::string name) override;
  Task<Result<objects::SecretPtr>> secret(std::string ns, std::string name) override;
  Task<Result<objects::ClaimPtr>> claim(std::string ns, std::string name) override;
  Task<Result<objects::PersistentVolumePtr>> persistentVolume(std::string name) override;
  Task<Result<objects::RuntimeClassPtr>> runtimeClass(std::string name) override;
  Task<Result<objects::CsiDriverPtr>> csiDriver(std::string name) override;
  Task<Result<objects::SecretPtr>> secretOfVolume(std::string ns, std::string name) override;
  Task<Result<std::vector<objects::ServicePtr>>> services() override;
  Task<Result<objects::Token>> token(objects::core::Pod pod, std::string audience, std::chrono::seconds life) override;
  void onChange(std::function<void(const std::string& ns, const std::string& name)> fn) override;

 private:
  // What is wrong with a file as it stands.
  struct Bad {
    std::vector<std::string> problems;
    WallTime since;
  };

  Task<void> keepLooking();
  Task<void> look();
  void take(const Scan& scan, std::map<std::string, ObjectFile> parsed);
  void takeAbsent(const std::string& file);
  void note(const std::string& file, std::vector<std::string> problems);
  void settle();
  void tellOf(const ObjectKey& key);
  std::vector<FileProblem> problems(const std::map<std::string, std::vector<api::Problem>>& conflicts);
  TimePoint removalDue() const;
  Task<void> firstLook();
  template <class T>
  Task<Result<std::shared_ptr<const T>>> find(ObjectKey key);

  Loop& loop_;
  Clock& clock_;
  Options options_;
  OnProblems onProblems_;
  std::function<void(const std::string& ns, const std::string& name)> changed_ = [](const auto&, const auto&) {};
  DirectoryWatch watch_;
  std::map<std::string, ObjectFile> good_;  // the versions in effect
  std::map<std::string, Bad> bad_;
  std::map<std::string, WallTime> conflictsSince_;
  std::map<std::string, TimePoint> vanished_;  // files that are gone since then, within removalGrace
  ObjectTable objects_;
  std::vector<FileProblem> told_;
  ProblemLog log_{"object file"};
  std::list<Wake> waiting_;
  TimePoint giveUp_;
  bool looked_ = false;
};

}  // namespace cubelet::staticpods
