#include "kubelet/config/load.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "kubelet/config/config_file.h"
#include "kubelet/config/defaults.h"
#include "kubelet/config/flags.h"

namespace cubelet::config {
namespace {

using nlohmann::json;

// The --config file and the drop-ins in the order of merging.
using Files = std::vector<ConfigFile>;

std::string absolute(const std::string& path, const Environment& environment) {
  return (std::filesystem::path(environment.workingDirectory) / path).lexically_normal().string();
}

Result<ConfigFile> readConfigFile(const std::string& path, const Environment& environment,
                                  std::vector<std::string>& warnings) {
  auto text = environment.readFile(path);
  if (!text) return fail(text.error().within("read configuration file"));
  return parseConfigFile(path, *text, warnings);
}

// Drop-ins are all files named *.conf; others are skipped, which is said, because a wrong suffix is easily overlooked.
Result<void> readDropIns(const std::string& directory, const Environment& environment, Files& files,
                         std::vector<std::string>& warnings) {
  auto paths = environment.listFiles(directory);
  if (!paths) return fail(paths.error().within("read drop-in directory"));
  for (const std::string& path : *paths) {
    if (!path.ends_with(".conf")) {
      warnings.push_back(path + ": skipped, drop-ins must be named *.conf");
      continue;
    }
    auto file = readConfigFile(path, environment, warnings);
    if (!file) return fail(file.error());
    files.push_back(std::move(*file));
  }
  return {};
}

Result<Files> readFiles(const CommandLine& commandLine, const Environment& environment,
                        std::vector<std::string>& warnings) {
  Files files;
  if (!commandLine.configFile.empty()) {
    auto main = readConfigFile(absolute(commandLine.configFile, environment), environment, warnings);
    if (!main) return fail(main.error());
    files.push_back(std::move(*main));
  }
  if (!commandLine.configDir.empty()) {
    auto read = readDropIns(absolute(commandLine.configDir, environment), environment, files, warnings);
    if (!read) return fail(read.error());
  }
  return files;
}

// What is there before the first drop-in is merged.
json baseOf(const CommandLine& commandLine, Files& files) {
  bool mainFile = !commandLine.configFile.empty();
  json base = mainFile ? files.front().json : toJson(legacyConfiguration());
  // A drop-in that changes one threshold must not drop the other four: as upstream does, it is merged over the
  // defaults.
  bool dropIns = files.size() > (mainFile ? 1u : 0u);
  if (dropIns && (!base.contains("evictionHard") || base["evictionHard"].is_null()))
    base["evictionHard"] = defaultEvictionHard();
  return base;
}

bool isGivenEmpty(const json& merged, const char* field) {
  auto found = merged.find(field);
  return found != merged.end() && (found->is_object() || found->is_array()) && found->empty();
}

Result<KubeletConfiguration> merge(const CommandLine& commandLine, Files& files) {
  json merged = baseOf(commandLine, files);
  for (std::size_t i = commandLine.configFile.empty() ? 0 : 1; i < files.size(); ++i) merged.merge_patch(files[i].json);
  auto config = fromJson(merged);
  if (!config) return fail(config.error().within("merge configuration files"));
  applyDefaults(*config, {.evictionHard = isGivenEmpty(merged, "evictionHard"),
                          .enforceNodeAllocatable = isGivenEmpty(merged, "enforceNodeAllocatable")});
  return config;
}

// ---- Where a field was said

bool hasField(const json& root, std::string_view field) {
  std::string pointer = "/" + std::string(field);
  std::ranges::replace(pointer, '.', '/');
  return root.contains(json::json_pointer(pointer));
}

// "--port", "/etc/cubelet/config.yaml:7", or "" for a default.
std::string originOf(std::string_view field, const std::vector<FlagUse>& uses, const Files& files) {
  for (const FlagUse& use : uses)
    if (std::get<ConfigField>(use.flag->target).path == field) return "--" + std::string(use.flag->name);
  for (auto file = files.rbegin(); file != files.rend(); ++file)
    if (hasField(file->json, field)) return file->path + ":" + std::to_string(api::lineOf(file->document, field));
  return "";
}

class Teller {
 public:
  Teller(const std::vector<FlagUse>& uses, const Files& files) : uses_(uses), files_(files) {}

  // "/etc/cubelet/config.yaml:7: port: must be between 1 and 65535, is 0"
  std::string line(const Finding& finding) const {
    std::string origin = originOf(finding.field, uses_, files_);
    return (origin.empty() ? "" : origin + ": ") + finding.field + ": " + finding.message;
  }

 private:
  const std::vector<FlagUse>& uses_;
  const Files& files_;
};

std::vector<Finding> allFindings(const CommandLine& commandLine, const KubeletConfiguration& config,
                                 const HostFacts& facts) {
  std::vector<Finding> findings = validate(commandLine);
  for (auto& more : {validate(config), validateForHost(config, facts)})
    findings.insert(findings.end(), more.begin(), more.end());
  return findings;
}

Result<void> check(const Effective& effective, const HostFacts& facts, const Teller& teller) {
  std::vector<Finding> findings = allFindings(effective.commandLine, effective.config, facts);
  if (findings.empty()) return {};
  std::string message = "invalid configuration";
  for (const Finding& finding : findings) message += (findings.size() > 1 ? "\n  " : ": ") + teller.line(finding);
  return fail(Code::kInvalid, "", message);
}

Result<std::string> nodeNameOf(const CommandLine& commandLine, const Environment& environment) {
  std::string name = commandLine.hostnameOverride.empty() ? environment.hostname : commandLine.hostnameOverride;
  auto isSpace = [](unsigned char c) { return std::isspace(c) != 0; };
  name.erase(name.begin(), std::ranges::find_if_not(name, isSpace));
  while (!name.empty() && isSpace(name.back())) name.pop_back();
  if (name.empty()) return fail(Code::kInvalid, "", "the node has no name: set a host name, or --hostname-override");
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

}  // namespace

Result<Effective> load(const std::vector<std::string>& args, const Environment& environment) {
  auto arguments = parseArguments(args);
  if (!arguments) return fail(arguments.error());
  Effective effective;
  effective.commandLine = std::move(arguments->commandLine);
  if (effective.commandLine.help || !effective.commandLine.version.empty()) return effective;

  effective.warnings = std::move(arguments->warnings);
  auto files = readFiles(effective.commandLine, environment, effective.warnings);
  if (!files) return fail(files.error());
  auto config = merge(effective.commandLine, *files);
  if (!config) return fail(config.error());
  effective.config = std::move(*config);
  if (auto applied = applyFlags(arguments->configUses, effective.config); !applied) return fail(applied.error());

  Teller teller(arguments->configUses, *files);
  if (auto checked = check(effective, environment.facts, teller); !checked) return fail(checked.error());
  for (const Finding& doubt : doubts(effective.config, effective.commandLine))
    effective.warnings.push_back(teller.line(doubt));

  auto name = nodeNameOf(effective.commandLine, environment);
  if (!name) return fail(name.error());
  effective.nodeName = std::move(*name);
  return effective;
}

std::string effectiveJson(const KubeletConfiguration& config) {
  KubeletConfiguration masked = config;
  for (auto& [name, values] : *masked.mutable_staticpodurlheader())
    for (std::string& value : *values.mutable_items()) value = "<masked>";
  return api::toJson(masked, {.apiVersion = kApiVersion, .kind = kKind});
}

}  // namespace cubelet::config
