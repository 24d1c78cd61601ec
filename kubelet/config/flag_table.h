// The flags as data: what they are called, what they take, what they set.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "kubelet/config/command_line.h"

namespace cubelet::config {

// How the value is written. The first ones are what the name says.
enum class FlagKind {
  kBool,  // alone it means true; a value needs "="
  kString,
  kInt,
  kDuration,
  kQuantity,
  kIp,
  kList,            // a,b
  kMap,             // a=1,b=2
  kThresholds,      // memory.available<100Mi,nodefs.available<10%
  kHeaders,         // name:value,name:value
  kGates,           // Name=true,Other=false
  kLabels,          // a=1,b
  kTaints,          // key=value:Effect,key:Effect
  kReservedMemory,  // 0:memory=1Gi,hugepages-1Gi=2Gi;1:memory=1Gi
  kVModule,         // pattern=N,pattern=N
  kVersion,         // alone "true"
};

enum class FlagGroup { kStart, kNode, kStaticPods, kServer, kRuntime, kPods, kResources, kEviction, kLogging, kOther };

enum class FlagStatus {
  kPlain,
  kDeprecated,    // works; each use is one warning that names the field to use instead
  kWithoutEffect  // accepted; the help does not show it
};

// The field of KubeletConfiguration that a flag sets.
struct ConfigField {
  std::string_view path;
};
// Nothing is set. `warning` is said when the flag is used; empty: accepted in silence.
struct Nothing {
  std::string_view warning;
};

using FlagTarget =
    std::variant<Nothing, ConfigField, bool CommandLine::*, std::string CommandLine::*, std::int32_t CommandLine::*,
                 std::chrono::nanoseconds CommandLine::*, std::map<std::string, std::string> CommandLine::*>;

struct Flag {
  std::string_view name;  // without dashes
  FlagKind kind;
  FlagGroup group;
  FlagStatus status;
  FlagTarget target;
  std::string_view help;
};

std::span<const Flag> flagTable();

// A flag that older kubelets had and this version refuses, with the reason.
struct GoneFlag {
  std::string_view name;  // a "*" at the end stands for anything
  std::string_view reason;
};
std::span<const GoneFlag> goneFlags();

std::string_view title(FlagGroup group);

}  // namespace cubelet::config
