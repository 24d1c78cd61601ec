#include "staticpods/objects/local_objects.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/task_group.h"

namespace cubelet::staticpods {
namespace {

// How long questions wait for the first look: as long as for the API server.
constexpr Duration kFirstLook = std::chrono::seconds(10);

std::vector<std::string> texts(const std::string& file, const std::vector<api::Problem>& problems) {
  std::vector<std::string> out;
  for (const api::Problem& problem : problems) out.push_back(problem.text(file));
  return out;
}

bool same(const std::vector<FileProblem>& left, const std::vector<FileProblem>& right) {
  return std::ranges::equal(left, right, [](const FileProblem& a, const FileProblem& b) {
    return a.file == b.file && a.problems == b.problems && a.kept == b.kept;
  });
}

}  // namespace

LocalObjects::LocalObjects(Loop& loop, Clock& clock, BlockingPool& pool, Options options, OnProblems onProblems)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      onProblems_(std::move(onProblems)),
      watch_(loop, clock, pool,
             {.path = options_.path, .subject = "objects", .checkFrequency = options_.checkFrequency}),
      giveUp_(clock.now() + kFirstLook) {}

Task<void> LocalObjects::run() {
  watch_.open();
  std::vector<Task<void>> tasks;
  tasks.push_back(keepLooking());
  tasks.push_back(watch_.pumpEvents([](const std::string&, std::uint32_t) {}));
  co_await runAll(loop_, "object files", std::move(tasks));
}

Task<void> LocalObjects::keepLooking() {
  for (;;) {
    watch_.clear();
    co_await look();
    settle();
    co_await watch_.untilDue(removalDue());
  }
}

Task<void> LocalObjects::look() {
  ScanRequest request;
  for (const auto& [file, content] : good_) request.inEffect.insert(file);
  auto parsed = std::make_shared<std::map<std::string, ObjectFile>>();
  std::function<void(Scan&)> then = [parsed](Scan& scan) {
    for (auto& [path, found] : scan.files)
      if (found.state == FoundFile::State::kRead) (*parsed)[path] = parseObjects(std::exchange(found.text, ""));
  };
  std::optional<Result<Scan>> scan = co_await watch_.look(std::move(request), std::move(then));
  if (!scan) co_return;
  if (*scan)
    take(**scan, std::move(*parsed));
  else
    note(options_.path, {options_.path + ": " + scan->error().message});
}

void LocalObjects::take(const Scan& scan, std::map<std::string, ObjectFile> parsed) {
  looked_ = true;
  const bool listed = scan.place == Scan::Place::kDirectory || scan.place == Scan::Place::kFile;
  if (!listed) {
    // STA-1 for objects: a missing path means none. A path that was there and had some is more likely an accident.
    const bool fine = scan.place == Scan::Place::kMissing && good_.empty();
    if (fine) bad_.clear();
    return note(options_.path, fine ? std::vector<std::string>() : std::vector<std::string>{scan.problem});
  }
  if (!scan.files.contains(options_.path)) note(options_.path, {});
  std::vector<std::string> files;
  for (const auto& [file, content] : good_) files.push_back(file);
  for (const auto& [file, bad] : bad_) files.push_back(file);
  for (const std::string& file : files)
    if (!scan.files.contains(file)) takeAbsent(file);
  for (const auto& [file, found] : scan.files) {
    vanished_.erase(file);
    if (found.state == FoundFile::State::kUnusable) note(file, {found.problem});
    if (found.state != FoundFile::State::kRead) continue;
    ObjectFile& content = parsed[file];
    note(file, texts(file, content.problems));
    if (content.valid()) good_[file] = std::move(content);
  }
}

void LocalObjects::takeAbsent(const std::string& file) {
  const TimePoint since = vanished_.try_emplace(file, clock_.now()).first->second;
  if (good_.contains(file) && clock_.now() < since + options_.removalGrace) return;
  vanished_.erase(file);
  good_.erase(file);
  note(file, {});
}

void LocalObjects::note(const std::string& file, std::vector<std::string> problems) {
  if (problems.empty())
    bad_.erase(file);
  else
    bad_.try_emplace(file, Bad{{}, clock_.wallNow()}).first->second.problems = std::move(problems);
}

// From what is known of the files to what pods see.
void LocalObjects::settle() {
  MergedObjects merged = mergeObjects(good_);
  const std::vector<ObjectKey> changed = changedObjects(objects_, merged.objects);
  objects_ = std::move(merged.objects);
  std::vector<FileProblem> problems = this->problems(merged.conflicts);
  if (!same(problems, told_)) {
    told_ = problems;
    log_.tell(problems);
    onProblems_(std::move(problems));
  }
  if (looked_)
    for (Wake& wake : waiting_) wake.ring();
  for (const ObjectKey& key : changed) tellOf(key);
}

// A volume is known to pods by its claim. One that is gone or has come has changed its claim, too.
void LocalObjects::tellOf(const ObjectKey& key) {
  if (key.kind != ObjectKind::kPersistentVolume) return changed_(key.ns, key.name);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  const auto& volume = static_cast<const objects::core::PersistentVolume&>(*found->second);
  if (volume.spec().has_claimref()) changed_(volume.spec().claimref().namespace_(), volume.spec().claimref().name());
}

std::vector<FileProblem> LocalObjects::problems(const std::map<std::string, std::vector<api::Problem>>& conflicts) {
  std::map<std::string, FileProblem> byFile;
  for (const auto& [file, bad] : bad_) {
    FileProblem& problem = byFile[file];
    problem.problems = bad.problems;
    problem.since = bad.since;
    if (const auto good = good_.find(file); good != good_.end())
      for (const ObjectFile::Entry& entry : good->second.objects) problem.kept.push_back(entry.key.text());
  }
  std::erase_if(conflictsSince_, [&](const auto& entry) { return !conflicts.contains(entry.first); });
  for (const auto& [file, found] : conflicts) {
    FileProblem& problem = byFile[file];
    const WallTime since = conflictsSince_.try_emplace(file, clock_.wallNow()).first->second;
    if (problem.problems.empty()) problem.since = since;
    for (std::string& text : texts(file, found)) problem.problems.push_back(std::move(text));
  }
  std::vector<FileProblem> out;
  for (auto& [file, problem] : byFile) {
    problem.file = file;
    out.push_back(std::move(problem));
  }
  return out;
}

TimePoint LocalObjects::removalDue() const {
  TimePoint next = TimePoint::max();
  for (const auto& [file, since] : vanished_) next = std::min(next, since + options_.removalGrace);
  return next;
}

Task<void> LocalObjects::firstLook() {
  if (looked_ || clock_.now() >= giveUp_) co_return;
  waiting_.emplace_back(clock_);
  struct Place {
    std::list<Wake>& all;
    std::list<Wake>::iterator mine;
    ~Place() { all.erase(mine); }
  } place{waiting_, std::prev(waiting_.end())};
  co_await place.mine->waitUntil(giveUp_);
}

template <class T>
Task<Result<std::shared_ptr<const T>>> LocalObjects::find(ObjectKey key) {
  co_await firstLook();
  if (!looked_) co_return fail(Code::kTimedOut, "", "the objects in " + options_.path + " have not been read yet");
  const auto found = objects_.find(key);
  if (found != objects_.end()) co_return std::static_pointer_cast<const T>(found->second);
  std::string message = key.notFound() + (key.ns.empty() ? "" : " in namespace " + key.ns) + ": no file in " +
                        options_.path + " defines it";
  if (!told_.empty() && !told_.front().problems.empty())
    message += ", where not all is well: " + told_.front().problems.front();
  co_return fail(Code::kNotFound, "NotFound", std::move(message));
}

Task<Result<objects::ConfigMapPtr>> LocalObjects::configMap(std::string ns, std::string name) {
  return find<objects::core::ConfigMap>({ObjectKind::kConfigMap, std::move(ns), std::move(name)});
}

Task<Result<objects::SecretPtr>> LocalObjects::secret(std::string ns, std::string name) {
  return find<objects::core::Secret>({ObjectKind::kSecret, std::move(ns), std::move(name)});
}

Task<Result<objects::ClaimPtr>> LocalObjects::claim(std::string ns, std::string name) {
  return find<objects::core::PersistentVolumeClaim>({ObjectKind::kClaim, std::move(ns), std::move(name)});
}

Task<Result<objects::PersistentVolumePtr>> LocalObjects::persistentVolume(std::string name) {
  return find<objects::core::PersistentVolume>({ObjectKind::kPersistentVolume, "", std::move(name)});
}

Task<Result<objects::RuntimeClassPtr>> LocalObjects::runtimeClass(std::string name) {
  return find<::k8s::node::v1::RuntimeClass>({ObjectKind::kRuntimeClass, "", std::move(name)});
}

Task<Result<objects::CsiDriverPtr>> LocalObjects::csiDriver(std::string name) {
  auto search = find<::k8s::storage::v1::CSIDriver>({ObjectKind::kCsiDriver, "", std::move(name)});
  Result<objects::CsiDriverPtr> found = co_await std::move(search);
  if (!found && found.error().code == Code::kNotFound) co_return objects::CsiDriverPtr();
  co_return found;
}

Task<Result<objects::SecretPtr>> LocalObjects::secretOfVolume(std::string ns, std::string name) {
  return secret(std::move(ns), std::move(name));
}

Task<Result<std::vector<objects::ServicePtr>>> LocalObjects::services() {
  co_return std::vector<objects::ServicePtr>();
}

Task<Result<objects::Token>> LocalObjects::token(objects::core::Pod, std::string, std::chrono::seconds) {
  co_return fail(Code::kInvalid, "", "this node has no API server to get a service account token from");
}

void LocalObjects::onChange(std::function<void(const std::string& ns, const std::string& name)> fn) {
  changed_ = std::move(fn);
}

}  // namespace cubelet::staticpods
