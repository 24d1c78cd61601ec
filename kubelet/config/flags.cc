#include "kubelet/config/flags.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>

#include "kubelet/api/quantity.h"
#include "kubelet/config/fields.h"
#include "kubelet/config/flag_values.h"
#include "kubelet/config/suggest.h"

namespace cubelet::config {
namespace {

const Flag* findFlag(std::string_view name) {
  for (const Flag& flag : flagTable())
    if (flag.name == name) return &flag;
  return nullptr;
}

// "--port"; "-v" for the one flag that is usually written short.
std::string spelled(const Flag& flag) {
  return flag.name == "v" ? "-v" : "--" + std::string(flag.name);
}

const ConfigField* configField(const Flag& flag) {
  return std::get_if<ConfigField>(&flag.target);
}

// ---- From words to flags and their values

const GoneFlag* findGone(std::string_view name) {
  for (const GoneFlag& gone : goneFlags()) {
    bool open = gone.name.ends_with('*');
    if (open ? name.starts_with(gone.name.substr(0, gone.name.size() - 1)) : name == gone.name) return &gone;
  }
  return nullptr;
}

std::unexpected<Error> unknownFlag(const std::string& name) {
  if (const GoneFlag* gone = findGone(name))
    return fail(Code::kInvalid, "", "flag --" + name + " no longer exists: " + std::string(gone->reason));
  std::vector<std::string_view> names;
  for (const Flag& flag : flagTable())
    if (flag.status != FlagStatus::kWithoutEffect && flag.name.size() > 1) names.push_back(flag.name);
  std::string near = nearestName(name, names);
  return fail(Code::kInvalid, "", "unknown flag: --" + name + (near.empty() ? "" : ", did you mean --" + near + "?"));
}

// What stands for the value when a flag is written alone; nullopt: a value must follow.
std::optional<std::string> valueWhenAlone(const Flag& flag) {
  if (flag.kind == FlagKind::kBool || flag.kind == FlagKind::kVersion) return "true";
  return std::nullopt;
}

class Words {
 public:
  explicit Words(const std::vector<std::string>& args) : args_(args) {}

  // The next flag with its value; nullopt at the end.
  Result<std::optional<FlagUse>> next() {
    if (at_ == args_.size()) return std::nullopt;
    const std::string& word = args_[at_++];
    if (word == "--") {
      if (at_ == args_.size()) return std::nullopt;
      return unknownCommand(args_[at_]);
    }
    if (word.starts_with("--")) return longFlag(word.substr(2));
    if (word.starts_with('-') && word.size() > 1) return shortFlag(word.substr(1));
    return unknownCommand(word);
  }

 private:
  static std::unexpected<Error> unknownCommand(const std::string& word) {
    return fail(Code::kInvalid, "", "unknown command \"" + word + "\"");
  }

  Result<std::optional<FlagUse>> longFlag(const std::string& word) {
    std::size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    std::ranges::replace(name, '_', '-');
    const Flag* flag = findFlag(name);
    if (flag == nullptr) return unknownFlag(name);
    if (equals != std::string::npos) return FlagUse{flag, word.substr(equals + 1)};
    return withValue(*flag);
  }

  // -v 4, -v=4, -v4, -h.
  Result<std::optional<FlagUse>> shortFlag(const std::string& word) {
    const Flag* flag = word[0] == 'v' ? findFlag("v") : word == "h" ? findFlag("help") : nullptr;
    if (flag == nullptr) return fail(Code::kInvalid, "", "unknown flag: -" + word);
    if (word.size() == 1) return withValue(*flag);
    return FlagUse{flag, word.substr(word[1] == '=' ? 2 : 1)};
  }

  Result<std::optional<FlagUse>> withValue(const Flag& flag) {
    if (auto alone = valueWhenAlone(flag)) return FlagUse{&flag, *alone};
    if (at_ == args_.size()) return fail(Code::kInvalid, "", "flag " + spelled(flag) + " needs a value");
    return FlagUse{&flag, args_[at_++]};
  }

  const std::vector<std::string>& args_;
  std::size_t at_ = 0;
};

// ---- From values to fields

// All uses of one flag, as one setting of its field.
using Values = std::vector<std::string>;

// Pairs of all uses in one map: later ones win.
Result<std::map<std::string, std::string>> joinPairs(const Values& values, char separator, bool bareKeys = false) {
  std::map<std::string, std::string> joined;
  for (const std::string& value : values) {
    auto pairs = parsePairs(value, separator, bareKeys);
    if (!pairs) return fail(pairs.error());
    for (auto& [key, text] : *pairs) joined[key] = text;
  }
  return joined;
}

Result<void> setJoinedList(KubeletConfiguration& config, std::string_view path, const Values& values) {
  std::vector<std::string> joined;
  for (const std::string& value : values) {
    auto items = parseList(value);
    if (!items) return fail(items.error());
    joined.insert(joined.end(), items->begin(), items->end());
  }
  setList(config, path, joined);
  return {};
}

Result<void> setJoinedMap(KubeletConfiguration& config, std::string_view path, const Values& values, char separator) {
  auto joined = joinPairs(values, separator);
  if (!joined) return fail(joined.error());
  return setMap(config, path, *joined);
}

Result<void> setHeaders(KubeletConfiguration& config, const Values& values) {
  config.clear_staticpodurlheader();
  for (const std::string& value : values) {
    auto pairs = parsePairs(value, ':');
    if (!pairs) return fail(pairs.error());
    for (const auto& [name, text] : *pairs) (*config.mutable_staticpodurlheader())[name].add_items(text);
  }
  return {};
}

Result<void> mergeGates(KubeletConfiguration& config, const Values& values) {
  auto gates = joinPairs(values, '=');
  if (!gates) return fail(gates.error());
  for (const auto& [name, text] : *gates) {
    auto value = parseBool(text);
    if (!value) return fail(value.error().within(name));
    (*config.mutable_featuregates())[name] = *value;
  }
  return {};
}

// Only the last use counts, as with upstream's flag.
Result<void> setTaints(KubeletConfiguration& config, const Values& values) {
  std::vector<::kubelet::config::v1beta1::Taint> taints;
  if (auto parsed = parseTaints(values.back(), taints); !parsed) return parsed;
  config.mutable_registerwithtaints()->Assign(taints.begin(), taints.end());
  return {};
}

Result<void> setReservedMemory(KubeletConfiguration& config, const Values& values) {
  std::vector<::kubelet::config::v1beta1::MemoryReservation> reservations;
  for (const std::string& value : values)
    if (auto parsed = parseReservedMemory(value, reservations); !parsed) return parsed;
  config.mutable_reservedmemory()->Assign(reservations.begin(), reservations.end());
  return {};
}

Result<void> setVModule(KubeletConfiguration& config, const Values& values) {
  std::vector<::kubelet::config::v1beta1::VModuleItem> items;
  for (const std::string& value : values)
    if (auto parsed = parseVModule(value, items); !parsed) return parsed;
  config.mutable_logging()->mutable_vmodule()->Assign(items.begin(), items.end());
  return {};
}

Result<void> setIp(KubeletConfiguration& config, std::string_view path, const std::string& value) {
  if (!value.empty() && !isIp(value)) return fail(Code::kInvalid, "", "\"" + value + "\" is not an IP address");
  return setFromText(config, path, value);
}

Result<void> setQuantity(KubeletConfiguration& config, std::string_view path, const std::string& value) {
  if (!api::quantityValue(value)) return fail(Code::kInvalid, "", "\"" + value + "\" is not a quantity such as 10Mi");
  return setFromText(config, path, value);
}

Result<void> setConfigField(KubeletConfiguration& config, const Flag& flag, const Values& values) {
  std::string_view path = configField(flag)->path;
  switch (flag.kind) {
    case FlagKind::kList:
      return setJoinedList(config, path, values);
    case FlagKind::kMap:
      return setJoinedMap(config, path, values, '=');
    case FlagKind::kThresholds:
      return setJoinedMap(config, path, values, '<');
    case FlagKind::kHeaders:
      return setHeaders(config, values);
    case FlagKind::kGates:
      return mergeGates(config, values);
    case FlagKind::kTaints:
      return setTaints(config, values);
    case FlagKind::kReservedMemory:
      return setReservedMemory(config, values);
    case FlagKind::kVModule:
      return setVModule(config, values);
    case FlagKind::kIp:
      return setIp(config, path, values.back());
    case FlagKind::kQuantity:
      return setQuantity(config, path, values.back());
    case FlagKind::kBool:
    case FlagKind::kString:
    case FlagKind::kInt:
    case FlagKind::kDuration:
      return setFromText(config, path, values.back());
    case FlagKind::kLabels:
    case FlagKind::kVersion:
      break;  // command line only
  }
  return fail(Code::kInternal, "", "flag " + spelled(flag) + " sets no field");
}

// ---- Command-line-only flags

struct CommandLineSetter {
  CommandLine& commandLine;
  const std::string& value;

  Result<void> operator()(Nothing) const { return {}; }
  Result<void> operator()(ConfigField) const { return {}; }
  Result<void> operator()(bool CommandLine::* member) const {
    auto parsed = parseBool(value);
    if (!parsed) return fail(parsed.error());
    commandLine.*member = *parsed;
    return {};
  }
  Result<void> operator()(std::string CommandLine::* member) const {
    commandLine.*member = value;
    return {};
  }
  Result<void> operator()(std::int32_t CommandLine::* member) const {
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), commandLine.*member);
    if (error == std::errc() && end == value.data() + value.size() && !value.empty()) return {};
    return fail(Code::kInvalid, "", "\"" + value + "\" is not a whole number");
  }
  Result<void> operator()(std::chrono::nanoseconds CommandLine::* member) const {
    auto parsed = parseDuration(value);
    if (!parsed) return fail(parsed.error());
    commandLine.*member = *parsed;
    return {};
  }
  Result<void> operator()(std::map<std::string, std::string> CommandLine::* member) const {
    auto pairs = parsePairs(value, '=', true);
    if (!pairs) return fail(pairs.error());
    for (auto& [key, text] : *pairs) (commandLine.*member)[key] = text;
    return {};
  }
};

Result<void> checkVersionValue(const Flag& flag, std::string& value) {
  if (flag.kind != FlagKind::kVersion || value == "raw") return {};
  auto wanted = parseBool(value);
  if (!wanted) return fail(Code::kInvalid, "", "\"" + value + "\" is not true, false or raw");
  value = *wanted ? "true" : "";
  return {};
}

// Sets what the use sets, in a scratch configuration when it is a configuration field.
Result<void> take(const FlagUse& use, CommandLine& commandLine) {
  std::string value = use.value;
  if (auto version = checkVersionValue(*use.flag, value); !version) return version;
  if (configField(*use.flag) != nullptr) {
    KubeletConfiguration scratch;
    return setConfigField(scratch, *use.flag, {value});
  }
  return std::visit(CommandLineSetter{commandLine, value}, use.flag->target);
}

// "" when there is nothing to say.
std::string warningFor(const Flag& flag) {
  if (const auto* nothing = std::get_if<Nothing>(&flag.target))
    return nothing->warning.empty() ? "" : "flag " + spelled(flag) + " " + std::string(nothing->warning);
  if (flag.status != FlagStatus::kDeprecated) return "";
  if (const ConfigField* field = configField(flag))
    return "flag " + spelled(flag) + " is deprecated: set " + std::string(field->path) + " in the configuration file";
  return "flag " + spelled(flag) + " is deprecated: it limits dead containers only, use evictionHard or evictionSoft";
}

// ---- Help

std::string_view valueName(FlagKind kind) {
  switch (kind) {
    case FlagKind::kBool:
    case FlagKind::kVersion:
      return "";
    case FlagKind::kString:
      return "TEXT";
    case FlagKind::kInt:
      return "N";
    case FlagKind::kDuration:
      return "DURATION";
    case FlagKind::kQuantity:
      return "QUANTITY";
    case FlagKind::kIp:
      return "IP";
    case FlagKind::kList:
      return "A,B";
    case FlagKind::kMap:
    case FlagKind::kLabels:
      return "A=1,B=2";
    case FlagKind::kThresholds:
      return "SIGNAL<VALUE,..";
    case FlagKind::kHeaders:
      return "NAME:VALUE,..";
    case FlagKind::kGates:
      return "NAME=BOOL,..";
    case FlagKind::kTaints:
      return "KEY=VALUE:EFFECT,..";
    case FlagKind::kReservedMemory:
      return "NODE:TYPE=QUANTITY,..";
    case FlagKind::kVModule:
      return "PATTERN=N,..";
  }
  return "";
}

std::string helpLine(const Flag& flag) {
  constexpr std::size_t kColumn = 44;
  std::string line = "  --" + std::string(flag.name);
  if (std::string_view value = valueName(flag.kind); !value.empty()) line += "=" + std::string(value);
  line += line.size() + 2 > kColumn ? "\n" + std::string(kColumn, ' ') : std::string(kColumn - line.size(), ' ');
  line += flag.help;
  if (flag.status == FlagStatus::kDeprecated) {
    const ConfigField* field = configField(flag);
    line += " [" + std::string(field == nullptr ? "evictionHard" : field->path) + "]";
  }
  return line + "\n";
}

}  // namespace

Result<Arguments> parseArguments(const std::vector<std::string>& args) {
  Arguments arguments;
  std::set<const Flag*> warned;
  Words words(args);
  for (;;) {
    auto use = words.next();
    if (!use) return fail(use.error());
    if (!use->has_value()) break;
    const Flag& flag = *(*use)->flag;
    if (auto taken = take(**use, arguments.commandLine); !taken)
      return fail(taken.error().within("flag " + spelled(flag)));
    if (configField(flag) != nullptr) arguments.configUses.push_back(**use);
    if (!warned.insert(&flag).second) continue;
    if (std::string warning = warningFor(flag); !warning.empty()) arguments.warnings.push_back(std::move(warning));
  }
  if (arguments.commandLine.certDir.empty()) arguments.commandLine.certDir = arguments.commandLine.rootDir + "/pki";
  return arguments;
}

Result<void> applyFlags(const std::vector<FlagUse>& uses, KubeletConfiguration& config) {
  std::map<const Flag*, Values> byFlag;
  for (const FlagUse& use : uses) byFlag[use.flag].push_back(use.value);
  for (const auto& [flag, values] : byFlag)
    if (auto set = setConfigField(config, *flag, values); !set)
      return fail(set.error().within("flag " + spelled(*flag)));
  return {};
}

std::string helpText() {
  std::string text =
      "cubelet keeps the pods of one machine running: static pods from a directory, with or without a Kubernetes API\n"
      "server. It takes the flags and the configuration file of the upstream kubelet.\n"
      "\n"
      "Usage:\n"
      "  cubelet [flags]\n"
      "\n"
      "Flags with a name in brackets are deprecated: set that field in the configuration file instead.\n";
  for (int number = 0; number <= static_cast<int>(FlagGroup::kOther); ++number) {
    auto group = static_cast<FlagGroup>(number);
    std::string lines;
    for (const Flag& flag : flagTable())
      if (flag.group == group && flag.status != FlagStatus::kWithoutEffect) lines += helpLine(flag);
    if (!lines.empty()) text += "\n" + std::string(title(group)) + ":\n" + lines;
  }
  return text;
}

}  // namespace cubelet::config
