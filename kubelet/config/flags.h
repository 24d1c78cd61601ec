// The command line, parsed as upstream's kubelet does (pflag): --name=value, --name value, --bool, -v N, underscores
// for hyphens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubelet/config/command_line.h"
#include "kubelet/config/configuration.h"
#include "kubelet/config/flag_table.h"

namespace cubelet::config {

// One flag as it was given. `flag` points into flagTable().
struct FlagUse {
  const Flag* flag;
  std::string value;
};

struct Arguments {
  CommandLine commandLine;
  std::vector<FlagUse> configUses;    // flags that set configuration fields, in their order
  std::vector<std::string> warnings;  // one for each deprecated flag
};

// `args` without the program's name. kInvalid: an unknown or gone flag, a positional argument, a missing or unfit
// value; the message names the flag. Values of configuration flags are checked for their syntax here.
Result<Arguments> parseArguments(const std::vector<std::string>& args);

// Sets the fields. Of a repeated flag the last value counts; lists and maps of repeated flags are joined. A list or map
// replaces what the field had, except feature gates, which are merged key by key.
Result<void> applyFlags(const std::vector<FlagUse>& uses, KubeletConfiguration& config);

// What --help prints.
std::string helpText();

}  // namespace cubelet::config
