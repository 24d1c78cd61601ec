#include "staticpods/objects/object_table.h"

#include <google/protobuf/util/message_differencer.h>
#include <memory>
#include <set>
#include <utility>

#include "proto/k8s/core.pb.h"

namespace cubelet::staticpods {
namespace {

namespace core = ::k8s::core::v1;

bool mayHave(const core::PersistentVolumeClaim& claim, const core::PersistentVolume& volume) {
  if (!volume.spec().has_claimref()) return true;
  const core::ObjectReference& wanted = volume.spec().claimref();
  return wanted.name() == claim.metadata().name() && wanted.namespace_() == claim.metadata().namespace_();
}

void bindClaims(ObjectTable& objects) {
  std::set<std::string> taken;
  for (auto& [key, object] : objects) {
    if (key.kind != ObjectKind::kClaim) continue;
    auto claim =
        std::make_shared<core::PersistentVolumeClaim>(static_cast<const core::PersistentVolumeClaim&>(*object));
    if (claim->metadata().uid().empty()) claim->mutable_metadata()->set_uid(key.ns + "/" + key.name);
    claim->mutable_status()->set_phase("Pending");
    const auto found = objects.find({ObjectKind::kPersistentVolume, "", claim->spec().volumename()});
    if (found != objects.end()) {
      auto volume =
          std::make_shared<core::PersistentVolume>(static_cast<const core::PersistentVolume&>(*found->second));
      if (mayHave(*claim, *volume) && taken.insert(found->first.name).second) {
        claim->mutable_status()->set_phase("Bound");
        core::ObjectReference& owner = *volume->mutable_spec()->mutable_claimref();
        owner.set_kind("PersistentVolumeClaim");
        owner.set_namespace_(key.ns);
        owner.set_name(key.name);
        owner.set_uid(claim->metadata().uid());
        found->second = std::move(volume);
      }
    }
    object = std::move(claim);
  }
}

}  // namespace

MergedObjects mergeObjects(const std::map<std::string, ObjectFile>& files) {
  MergedObjects merged;
  std::map<ObjectKey, std::string> places;
  for (const auto& [file, content] : files) {
    for (const ObjectFile::Entry& entry : content.objects) {
      const auto [place, isFirst] = places.try_emplace(entry.key, file + ":" + std::to_string(entry.line));
      if (isFirst)
        merged.objects[entry.key] = entry.object;
      else
        merged.conflicts[file].push_back(
            {.line = entry.line,
             .path = "",
             .message = entry.key.text() + " is defined at " + place->second + " already"});
    }
  }
  bindClaims(merged.objects);
  return merged;
}

std::vector<ObjectKey> changedObjects(const ObjectTable& before, const ObjectTable& after) {
  std::vector<ObjectKey> changed;
  for (const auto& [key, object] : before) {
    const auto now = after.find(key);
    if (now == after.end()) changed.push_back(key);
  }
  for (const auto& [key, object] : after) {
    const auto then = before.find(key);
    if (then == before.end() ||
        (then->second != object && !google::protobuf::util::MessageDifferencer::Equals(*then->second, *object)))
      changed.push_back(key);
  }
  return changed;
}

}  // namespace cubelet::staticpods
