#include "kubelet/stats/driver_figures.h"

#include <algorithm>

#include "base/log.h"
#include "kubelet/stats/host_reader.h"

namespace cubelet::stats {
namespace {

constexpr Duration kReadDeadline = std::chrono::seconds(10);

Count countOf(std::int64_t number) {
  return number >= 0 ? Count(static_cast<std::uint64_t>(number)) : Count();
}

}  // namespace

Result<DriverAnswer> readAnswer(const ::csi::v1::NodeGetVolumeStatsResponse& response, WallTime at) {
  using Usage = ::csi::v1::VolumeUsage;
  DriverAnswer answer;
  answer.fs.at = at;
  bool any = response.has_volume_condition();
  for (const Usage& usage : response.usage()) {
    if (usage.unit() == Usage::BYTES) {
      answer.fs.capacity = countOf(usage.total());
      answer.fs.available = countOf(usage.available());
      answer.fs.used = countOf(usage.used());
    } else if (usage.unit() == Usage::INODES) {
      answer.fs.inodes = countOf(usage.total());
      answer.fs.inodesFree = countOf(usage.available());
      answer.fs.inodesUsed = countOf(usage.used());
    } else {
      continue;
    }
    any = true;
  }
  if (!any) return fail(Code::kInvalid, "", "the driver tells no usage of the volume");
  if (response.has_volume_condition()) {
    answer.abnormal = response.volume_condition().abnormal();
    answer.condition = response.volume_condition().message();
  }
  return answer;
}

void DriverFigures::ask(const Question& question, bool all) {
  std::set<Key> wanted;
  for (const PodToRead& pod : question.pods)
    for (const VolumeToRead& volume : pod.volumes) {
      if (volume.measure != VolumeMeasure::kDriver) continue;
      const Key key(pod.uid, volume.name);
      wanted.insert(key);
      if (!all && tried_.contains(key)) continue;
      if (!asked_.insert(key).second) continue;
      tried_.insert(key);
      tasks_.spawn("figures of volume " + volume.name + " of pod " + pod.ns + "/" + pod.name, askOne(key, volume));
    }
  std::erase_if(told_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  std::erase_if(tried_, [&](const Key& key) { return !wanted.contains(key); });
}

Task<void> DriverFigures::askOne(Key key, VolumeToRead volume) {
  // However this ends.
  struct Answered {
    DriverFigures& figures;
    const Key& key;
    ~Answered() {
      figures.asked_.erase(key);
      figures.answered_();
    }
  };
  const Answered answered{*this, key};
  DriverQuestion question{.podUid = key.first, .volume = key.second, .driver = volume.driver, .handle = volume.handle};
  auto call = ask_(std::move(question));
  Result<DriverAnswer> answer = co_await std::move(call);
  if (!answer && answer.error().code == Code::kUnimplemented) {
    std::function<Result<DriverAnswer>()> fn = [path = volume.path, at = clock_.wallNow()]() -> Result<DriverAnswer> {
      std::optional<FsUsage> fs = fileSystemOf(path, at);
      if (!fs) return fail(Code::kInvalid, "", "the file system of " + path + " cannot be asked");
      return DriverAnswer{.fs = *fs};
    };
    answer = co_await pool_.run("measure " + volume.path, kReadDeadline, std::move(fn));
  }
  if (!answer) {
    if (answer.error().code == Code::kUnavailable || answer.error().code == Code::kNotFound) tried_.erase(key);
    log::debug(1, "no figures of a volume", {{"volume", key.second}, {"error", answer.error().message}});
    co_return;
  }
  told_[key] = {.name = volume.name,
                .claim = volume.claim,
                .fs = answer->fs,
                .ephemeral = volume.ephemeral,
                .abnormal = answer->abnormal};
}

void DriverFigures::addTo(Summary& summary) const {
  for (PodFigures& pod : summary.pods)
    for (auto one = told_.lower_bound({pod.uid, ""}); one != told_.end() && one->first.first == pod.uid; ++one)
      pod.volumes.push_back(one->second);
}

}  // namespace cubelet::stats
