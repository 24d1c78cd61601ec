#include "kubelet/client/manifest_plan.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "kubelet/api/codec.h"

namespace cubelet::client {
namespace {

using Json = nlohmann::json;

std::string fullName(const core::Pod& pod) {
  return pod.metadata().namespace_() + "/" + pod.metadata().name();
}

// What the user has written: the rest follows from it, or changes by itself.
Json written(const core::Pod& pod) {
  core::Pod kept;
  *kept.mutable_spec() = pod.spec();
  kept.mutable_spec()->clear_nodename();
  *kept.mutable_metadata()->mutable_labels() = pod.metadata().labels();
  for (const auto& [key, value] : pod.metadata().annotations())
    if (!key.starts_with("kubernetes.io/config.")) (*kept.mutable_metadata()->mutable_annotations())[key] = value;
  return Json::parse(api::toJson(kept, {}));
}

// "/spec/containers/0/image" -> "spec.containers[0].image"
std::string fieldOf(const std::string& pointer) {
  std::string field;
  for (std::size_t at = 1; at <= pointer.size();) {
    const std::size_t end = std::min(pointer.find('/', at), pointer.size());
    const std::string part = pointer.substr(at, end - at);
    const bool index = !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    if (index)
      field += "[" + part + "]";
    else
      field += (field.empty() ? "" : ".") + part;
    at = end + 1;
  }
  return field;
}

}  // namespace

std::string_view textOf(PlannedAction action) {
  switch (action) {
    case PlannedAction::kKeep:
      return "keep";
    case PlannedAction::kCreate:
      return "create";
    case PlannedAction::kReplace:
      return "replace";
    case PlannedAction::kStop:
      return "stop";
    case PlannedAction::kReject:
      return "reject";
  }
  return "";
}

std::vector<std::string> changedFields(const core::Pod& before, const core::Pod& after, std::size_t most) {
  std::vector<std::string> fields;
  for (const Json& change : Json::diff(written(before), written(after))) {
    if (fields.size() == most) {
      fields.emplace_back("...");
      break;
    }
    std::string field = fieldOf(change["path"].get<std::string>());
    if (std::ranges::find(fields, field) == fields.end()) fields.push_back(std::move(field));
  }
  return fields;
}

std::vector<PlannedStep> planManifests(const staticpods::PodSet& wanted, const std::vector<core::Pod>& running) {
  std::map<std::string, const core::Pod*> runs;
  for (const core::Pod& pod : running) runs[fullName(pod)] = &pod;
  std::vector<PlannedStep> steps;
  for (const auto& [pod, file] : wanted.pods) {
    PlannedStep step{.action = PlannedAction::kCreate, .pod = fullName(pod), .file = file, .reasons = {}};
    if (auto found = runs.find(step.pod); found != runs.end()) {
      const core::Pod& old = *found->second;
      const bool same = old.metadata().uid() == pod.metadata().uid();
      step.action = same ? PlannedAction::kKeep : PlannedAction::kReplace;
      if (!same) step.reasons = changedFields(old, pod);
      if (!same && step.reasons.empty()) step.reasons = {"its file"};
      runs.erase(found);
    }
    steps.push_back(std::move(step));
  }
  for (const auto& [name, pod] : runs) {
    const bool maybeRejected = !wanted.problems.empty();
    steps.push_back({.action = maybeRejected ? PlannedAction::kKeep : PlannedAction::kStop,
                     .pod = name,
                     .file = "",
                     .reasons = {maybeRejected ? "no good file has it; one of the rejected files may be its own"
                                               : "no manifest has it"}});
  }
  std::ranges::sort(steps, {}, &PlannedStep::pod);
  for (const staticpods::FileProblem& problem : wanted.problems)
    steps.push_back({.action = PlannedAction::kReject, .pod = "", .file = problem.file, .reasons = problem.problems});
  return steps;
}

}  // namespace cubelet::client
