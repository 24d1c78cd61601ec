#include "kubelet/config/config_file.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "kubelet/api/document.h"

namespace cubelet::config {
namespace {

using api::Node;
using api::Problem;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using nlohmann::json;

// The fields whose relative paths count from the file's directory.
constexpr const char* kPathFields[] = {"/staticPodPath", "/authentication/x509/clientCAFile",
                                       "/tlsCertFile",   "/tlsPrivateKeyFile",
                                       "/resolvConf",    "/volumePluginDir",
                                       "/podLogsDir"};

std::unexpected<Error> refused(const std::string& path, const std::vector<Problem>& problems) {
  std::string message;
  for (const Problem& problem : problems)
    if (problem.fatal) message += (message.empty() ? "" : "\n") + problem.text(path);
  return fail(Code::kInvalid, "", message);
}

bool isBroken(const std::vector<Problem>& problems) {
  return std::ranges::any_of(problems, &Problem::fatal);
}

json scalarToJson(const Node& node) {
  if (node.kind == Node::Kind::kNull) return nullptr;
  if (node.kind == Node::Kind::kString) return node.text;
  json value = json::parse(node.text, nullptr, false);
  return value.is_discarded() ? json(node.text) : value;  // .inf and .nan have no JSON
}

json treeToJson(const Node& node) {
  if (node.kind == Node::Kind::kList) {
    json list = json::array();
    for (const Node* item : node.items) list.push_back(treeToJson(*item));
    return list;
  }
  if (node.kind != Node::Kind::kMap) return scalarToJson(node);
  json map = json::object();
  for (const Node::Entry& entry : node.entries) map[entry.key] = treeToJson(*entry.value);
  return map;
}

void resolvePaths(json& root, const std::filesystem::path& directory) {
  for (const char* field : kPathFields) {
    json::json_pointer pointer(field);
    if (!root.contains(pointer) || !root[pointer].is_string()) continue;
    std::filesystem::path path = root[pointer].get<std::string>();
    if (!path.empty() && path.is_relative()) root[pointer] = (directory / path).lexically_normal().string();
  }
}

// The codec takes whole nanoseconds for every duration. Upstream does so for this one field only; anywhere else a bare
// number is somebody who left the unit out.
constexpr std::string_view kNumericDuration = "logging.flushFrequency";

void refuseBareNumbers(const Node& node, const Descriptor& type, const std::string& prefix,
                       std::vector<Problem>& problems) {
  for (const Node::Entry& entry : node.entries) {
    const FieldDescriptor* field = type.FindFieldByName(entry.key);
    if (field == nullptr || field->is_repeated() || field->message_type() == nullptr) continue;
    std::string path = prefix + entry.key;
    bool number = entry.value->kind == Node::Kind::kInteger || entry.value->kind == Node::Kind::kNumber;
    if (field->message_type()->full_name() != "k8s.meta.v1.Duration")
      refuseBareNumbers(*entry.value, *field->message_type(), path + ".", problems);
    else if (number && path != kNumericDuration)
      problems.push_back({entry.line, path, "expected a duration such as 10s, got " + entry.value->text, true});
  }
}

// The one document of the file. Anything else is a fatal problem.
std::optional<api::Document> onlyDocument(const std::string& text, std::vector<Problem>& problems) {
  std::vector<api::Document> documents = api::parseDocuments(text, api::ParseLimits{}, problems);
  if (documents.empty() && !isBroken(problems)) problems.push_back({0, "", "the file is empty", true});
  if (isBroken(problems)) return std::nullopt;
  if (documents.size() > 1)
    problems.push_back({documents[1].line, "", "only the first document of the file counts", false});
  return std::move(documents.front());
}

void checkKind(const api::Document& document, std::vector<Problem>& problems) {
  auto check = [&](const char* field, const std::string& have, const char* want) {
    if (have == want) return;
    std::string message = have.empty() ? "missing" : "\"" + have + "\" is not known here";
    problems.push_back({api::lineOf(document, field), field, message + ", must be " + want, true});
  };
  check("apiVersion", document.apiVersion, kApiVersion);
  check("kind", document.kind, kKind);
}

// Types and names of the fields. What counts in the end is the merge of all files, so the message itself is dropped.
void checkFields(const api::Document& document, std::vector<Problem>& problems) {
  KubeletConfiguration config;
  (void)api::decode(document, api::UnknownFields::kWarn, config, problems);
  refuseBareNumbers(*document.root, *config.GetDescriptor(), "", problems);
}

}  // namespace

Result<ConfigFile> parseConfigFile(const std::string& path, const std::string& text,
                                   std::vector<std::string>& warnings) {
  std::vector<Problem> problems;
  std::optional<api::Document> document = onlyDocument(text, problems);
  if (document) checkKind(*document, problems);
  if (!isBroken(problems)) checkFields(*document, problems);
  if (isBroken(problems)) return refused(path, problems);

  for (const Problem& problem : problems) warnings.push_back(problem.text(path));
  ConfigFile file{path, *document, treeToJson(*document->root)};
  resolvePaths(file.json, std::filesystem::path(path).parent_path());
  return file;
}

Result<KubeletConfiguration> fromJson(const json& root) {
  std::vector<Problem> problems;
  std::vector<api::Document> documents = api::parseDocuments(root.dump(), api::ParseLimits{}, problems);
  KubeletConfiguration config;
  if (!documents.empty()) (void)api::decode(documents.front(), api::UnknownFields::kWarn, config, problems);
  if (isBroken(problems)) return refused("", problems);
  return config;
}

json toJson(const KubeletConfiguration& config) {
  return json::parse(api::toJson(config));
}

}  // namespace cubelet::config
