// From the command line and the files to the configuration that holds.
//
// Order: flags say where the files are; the --config file; the drop-ins of --config-dir merged over it (RFC 7386);
// defaults; flags again, for they win; then everything is checked, and all that is wrong is told at once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kubelet/config/command_line.h"
#include "kubelet/config/configuration.h"
#include "kubelet/config/validate.h"

namespace cubelet::config {

struct Effective {
  CommandLine commandLine;
  KubeletConfiguration config;        // defaults applied; empty when help or version was asked for
  std::string nodeName;               // --hostname-override or the host's name, without spaces around, in lower case
  std::vector<std::string> warnings;  // for the log, one line each
};

// What loading reads of the outside.
struct Environment {
  std::function<Result<std::string>(const std::string& path)> readFile;
  // All files below a directory, as absolute or relative as `directory` is; each directory's entries in lexical order,
  // those of a subdirectory at its place among them.
  std::function<Result<std::vector<std::string>>(const std::string& directory)> listFiles;
  std::string workingDirectory;
  std::string hostname;
  HostFacts facts;
};

// The real machine.
Environment hostEnvironment();

// `args` without the program's name. When help or version is asked for, nothing else is read or checked. kInvalid: what
// is wrong, one line each, naming field, value, what is allowed, and where it was said.
Result<Effective> load(const std::vector<std::string>& args, const Environment& environment);

// The configuration as JSON with apiVersion and kind, for /configz. Values of staticPodURLHeader may be secrets and are
// masked.
std::string effectiveJson(const KubeletConfiguration& config);

}  // namespace cubelet::config
