#include "staticpods/manifest/manifest.h"

#include <algorithm>
#include <cctype>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "base/time_text.h"
#include "kubelet/api/pod.h"
#include "staticpods/manifest/api_references.h"

namespace cubelet::staticpods {
namespace {

constexpr const char* kHashAnnotation = "kubernetes.io/config.hash";
constexpr const char* kSourceAnnotation = "kubernetes.io/config.source";
constexpr const char* kSeenAnnotation = "kubernetes.io/config.seen";
constexpr const char* kMirrorAnnotation = "kubernetes.io/config.mirror";

api::Problem problemAt(int line, std::string path, std::string message) {
  api::Problem problem;
  problem.line = line;
  problem.path = std::move(path);
  problem.message = std::move(message);
  return problem;
}

std::string lowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// Maps in the order of their keys: the same message always gives the same bytes.
std::string deterministicBytes(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

// STA-6. Taken from the pod as written, before defaults: another agent version with another default must not give every
// static pod of the node a new UID, that is, restart it.
std::string computeUid(const core::Pod& decoded, std::string_view path, const ManifestOptions& options) {
  Fnv1a128 hash;
  hash.add(deterministicBytes(decoded));
  if (options.source == Source::kFile) {
    hash.add("host:");
    hash.add(options.nodeName);
    hash.add("file:");
  } else {
    hash.add("url:");
  }
  hash.add(path);
  return hash.hex();
}

void tolerateNoExecute(core::PodSpec& spec) {
  for (core::Toleration& toleration : *spec.mutable_tolerations()) {
    const bool same = toleration.key().empty() && toleration.operator_() == "Exists" && toleration.value().empty() &&
                      toleration.effect() == "NoExecute";
    if (!same) continue;
    toleration.clear_tolerationseconds();
    return;
  }
  core::Toleration& added = *spec.add_tolerations();
  added.set_operator_("Exists");
  added.set_effect("NoExecute");
}

// Turns the pod of a manifest into the pod of this node (STA-4 to STA-7).
void bind(core::Pod& pod, std::string_view path, const ManifestOptions& options) {
  auto& meta = *pod.mutable_metadata();
  if (meta.uid().empty()) meta.set_uid(computeUid(pod, path, options));
  meta.set_name(meta.name() + "-" + lowerCase(options.nodeName));
  if (meta.namespace_().empty()) meta.set_namespace_("default");
  // Fields of the server that come along when a manifest was copied from a cluster. Only the file deletes its pod.
  meta.clear_deletiontimestamp();
  meta.clear_deletiongraceperiodseconds();
  meta.mutable_annotations()->erase(kMirrorAnnotation);
  (*meta.mutable_annotations())[kHashAnnotation] = meta.uid();
  (*meta.mutable_annotations())[kSourceAnnotation] = options.source == Source::kFile ? "file" : "http";
  (*meta.mutable_annotations())[kSeenAnnotation] = rfc3339Nano(options.seen);
  pod.mutable_spec()->set_nodename(options.nodeName);
  if (options.source == Source::kFile) tolerateNoExecute(*pod.mutable_spec());
  pod.clear_status();
  pod.mutable_status()->set_phase("Pending");
}

void add(std::vector<api::Problem>& problems, const api::Document& document, std::vector<api::Problem> found) {
  for (api::Problem& problem : found) {
    if (problem.line == 0) problem.line = api::lineOf(document, problem.path);
    problems.push_back(std::move(problem));
  }
}

bool hasFatal(const std::vector<api::Problem>& problems) {
  return std::ranges::any_of(problems, &api::Problem::fatal);
}

bool isPod(const api::Document& document, std::vector<api::Problem>& problems) {
  if (document.apiVersion == "v1" && document.kind == "Pod") return true;
  std::string message;
  if (document.kind.empty() || document.apiVersion.empty())
    message = std::string(document.kind.empty() ? "kind" : "apiVersion") +
              " is missing: a manifest needs apiVersion: " + "v1 and kind: Pod";
  else
    message = document.apiVersion + " " + document.kind + " cannot run here: only v1 Pod can";
  problems.push_back(problemAt(document.line, "", std::move(message)));
  return false;
}

void parsePod(const api::Document& document, std::string_view path, const ManifestOptions& options,
              Manifest& manifest) {
  if (!isPod(document, manifest.problems)) return;
  core::Pod pod;
  if (!api::decode(document, api::UnknownFields::kReject, pod, manifest.problems)) return;
  if (pod.metadata().name().empty()) {
    add(manifest.problems, document, {problemAt(0, "metadata.name", "required value")});
    return;
  }
  // Before the defaults: they copy names of API objects from one field to another.
  add(manifest.problems, document, findApiReferences(pod, options.references));
  bind(pod, path, options);
  api::setDefaults(pod);
  add(manifest.problems, document, api::validate(pod));
  manifest.pods.push_back(std::move(pod));
}

}  // namespace

bool Manifest::valid() const {
  return !hasFatal(problems);
}

std::vector<std::string> Manifest::problemTexts(std::string_view path) const {
  std::vector<std::string> texts;
  for (const api::Problem& problem : problems) texts.push_back(problem.text(path));
  return texts;
}

Manifest parseManifest(std::string_view path, std::string_view text, const ManifestOptions& options) {
  Manifest manifest;
  const std::vector<api::Document> documents = api::parseDocuments(text, api::ParseLimits{}, manifest.problems);
  if (documents.empty() && manifest.problems.empty())
    manifest.problems.push_back(problemAt(1, "", "no pod in it: the file is empty"));
  for (const api::Document& document : documents)
    for (const api::Document& item : api::expandLists(document, manifest.problems))
      parsePod(item, path, options, manifest);

  std::ranges::sort(manifest.problems, {}, [](const api::Problem& p) { return std::tie(p.line, p.path, p.message); });
  if (!manifest.valid()) manifest.pods.clear();
  return manifest;
}

const std::string& seenOf(const core::Pod& pod) {
  static const std::string none;
  const auto found = pod.metadata().annotations().find(kSeenAnnotation);
  return found == pod.metadata().annotations().end() ? none : found->second;
}

void setSeen(core::Pod& pod, std::string seen) {
  (*pod.mutable_metadata()->mutable_annotations())[kSeenAnnotation] = std::move(seen);
}

}  // namespace cubelet::staticpods
