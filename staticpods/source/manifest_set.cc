#include "staticpods/source/manifest_set.h"

#include <set>
#include <utility>

#include "base/hash.h"
#include "kubelet/api/pod.h"
#include "staticpods/manifest/manifest.h"

namespace cubelet::staticpods {
namespace {

std::string hashOf(std::string_view text) {
  Fnv1a128 hash;
  hash.add(text);
  return hash.hex();
}

// The keys are also the words of the conflict message.
std::vector<std::string> keysOf(const std::vector<core::Pod>& pods) {
  std::vector<std::string> keys;
  for (const core::Pod& pod : pods) {
    keys.push_back("pod " + api::podRef(pod));
    keys.push_back("UID " + pod.metadata().uid());
  }
  return keys;
}

std::optional<std::string> firstTwice(const std::vector<std::string>& keys) {
  std::set<std::string_view> seen;
  for (const std::string& key : keys)
    if (!seen.insert(key).second) return key;
  return std::nullopt;
}

}  // namespace

void ManifestSet::restore(Record record, std::vector<core::Pod> pods) {
  for (core::Pod& pod : pods)
    if (const auto seen = record.seen.find(pod.metadata().uid()); seen != record.seen.end()) setSeen(pod, seen->second);
  std::string hash = hashOf(record.text);
  File file;
  file.effective = Version{"", std::move(hash), std::move(pods)};
  files_[record.file] = std::move(file);
}

void ManifestSet::good(const std::string& name, std::string text, std::vector<core::Pod> pods, WallTime now) {
  if (const auto twice = firstTwice(keysOf(pods)))
    return bad(name, {name + ": " + *twice + " is defined twice in this file"}, now);
  File& file = files_[name];
  file.problems.clear();
  std::string hash = hashOf(text);
  if (file.effective && file.effective->hash == hash)
    file.waiting.reset();
  else
    file.waiting = Version{std::move(text), std::move(hash), std::move(pods)};
}

void ManifestSet::bad(const std::string& name, std::vector<std::string> problems, WallTime now) {
  File& file = files_[name];
  file.waiting.reset();
  file.conflict.reset();
  file.problems = std::move(problems);
  if (!file.since) file.since = now;
}

void ManifestSet::gone(const std::string& name) {
  const auto file = files_.find(name);
  if (file == files_.end()) return;
  if (file->second.effective) recordChanges_[name] = std::nullopt;
  files_.erase(file);
}

void ManifestSet::leaving(const std::string& name, bool isLeaving) {
  if (const auto file = files_.find(name); file != files_.end()) file->second.leaving = isLeaving;
}

void ManifestSet::sourceBad(std::string_view source, std::string problem, WallTime now) {
  const WallTime since = sourceProblem_ ? sourceProblem_->since : now;
  sourceProblem_ = FileProblem{std::string(source), {std::move(problem)}, since, {}};
}

Claim ManifestSet::claimOf(const std::string& name, const File& file) const {
  Claim claim;
  claim.file = name;
  if (file.effective) claim.kept = keysOf(file.effective->pods);
  claim.valid = !file.currentBad();
  claim.current = file.waiting ? keysOf(file.waiting->pods) : claim.kept;
  return claim;
}

void ManifestSet::putInEffect(const std::string& name, File& file) {
  Version& next = *file.waiting;
  Record record{name, std::move(next.text), {}};
  next.text.clear();
  for (core::Pod& pod : next.pods) {
    // Another change in the same file does not make a pod a new sight.
    if (file.effective)
      for (const core::Pod& before : file.effective->pods)
        if (before.metadata().uid() == pod.metadata().uid()) setSeen(pod, seenOf(before));
    record.seen[pod.metadata().uid()] = seenOf(pod);
  }
  recordChanges_[name] = std::move(record);
  file.effective = std::move(file.waiting);
  file.waiting.reset();
  file.conflict.reset();
}

bool ManifestSet::settle(WallTime now) {
  // Once more after each success: what a file gave up when it took effect may be what another one waits for.
  for (bool progress = true; std::exchange(progress, false);) {
    std::vector<Claim> claims;
    claims.reserve(files_.size());
    for (const auto& [name, file] : files_) claims.push_back(claimOf(name, file));
    const auto conflicts = resolveClaims(claims);
    for (auto& [name, file] : files_) {
      if (!file.waiting) continue;
      if (const auto conflict = conflicts.find(name); conflict != conflicts.end()) {
        file.conflict = conflict->second;
      } else {
        putInEffect(name, file);
        progress = true;
      }
    }
  }
  for (auto& [name, file] : files_) {
    if (!file.currentBad() && !file.waiting)
      file.since.reset();
    else if (!file.since)
      file.since = now;
  }
  std::string print = fingerprint();
  const bool changed = settled_ != print;
  settled_ = std::move(print);
  return changed;
}

std::optional<FileProblem> ManifestSet::problemOf(const std::string& name, const File& file) const {
  FileProblem problem{name, file.problems, file.since.value_or(WallTime{}), {}};
  if (file.conflict && file.waiting && !files_.at(file.conflict->holder).leaving)
    problem.problems = {name + ": " + file.conflict->key + " is already defined by " + file.conflict->holder +
                        ": this file takes no effect until that one gives it up"};
  if (problem.problems.empty()) return std::nullopt;
  if (file.effective)
    for (const core::Pod& pod : file.effective->pods) problem.kept.push_back(api::podRef(pod));
  return problem;
}

PodSet ManifestSet::podSet() const {
  PodSet set;
  for (const auto& [name, file] : files_) {
    if (file.effective)
      for (const core::Pod& pod : file.effective->pods) set.pods.push_back({pod, name});
    if (auto problem = problemOf(name, file)) set.problems.push_back(std::move(*problem));
  }
  if (sourceProblem_) {
    FileProblem problem = *sourceProblem_;
    for (const StaticPod& pod : set.pods) problem.kept.push_back(api::podRef(pod.pod));
    // The directory sorts before the files in it.
    set.problems.insert(set.problems.begin(), std::move(problem));
  }
  return set;
}

std::string ManifestSet::fingerprint() const {
  Fnv1a128 hash;
  const auto add = [&hash](std::string_view part) {
    hash.add(std::to_string(part.size()));
    hash.add(":");
    hash.add(part);
  };
  for (const auto& [name, file] : files_) {
    add(name);
    add(file.effective ? file.effective->hash : "");
    const auto problem = problemOf(name, file);
    if (problem)
      for (const std::string& text : problem->problems) add(text);
  }
  if (sourceProblem_) add(sourceProblem_->problems.front());
  return hash.hex();
}

std::vector<std::string> ManifestSet::files() const {
  std::vector<std::string> names;
  names.reserve(files_.size());
  for (const auto& [name, file] : files_) names.push_back(name);
  return names;
}

bool ManifestSet::inEffect(const std::string& name) const {
  const auto file = files_.find(name);
  return file != files_.end() && file->second.effective.has_value();
}

bool ManifestSet::anyInEffect() const {
  for (const auto& [name, file] : files_)
    if (file.effective) return true;
  return false;
}

ManifestSet::RecordChanges ManifestSet::takeRecordChanges() {
  RecordChanges changes;
  for (auto& [file, record] : std::exchange(recordChanges_, {})) {
    if (record)
      changes.save.push_back(std::move(*record));
    else
      changes.remove.push_back(file);
  }
  return changes;
}

}  // namespace cubelet::staticpods
