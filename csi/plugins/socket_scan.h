// Which sockets there are below plugins_registry.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "base/result.h"

namespace cubelet::csi {

// A socket that was removed and made again is another one, even under the same name: its inode may be the same, the
// time of its birth is not. Whoever changes its mode or owner leaves it the same.
using SocketIdentity = std::tuple<std::uint64_t, std::uint64_t, std::int64_t>;  // device, inode, birth in ns

struct SocketScan {
  std::map<std::string, SocketIdentity> sockets;  // by path
  std::set<std::string> directories;              // the root and all below it, for watching
};

// Names that begin with a dot are left out, with what is below them; links are not followed. What vanishes during the
// scan is left out. Blocks for a local directory.
Result<SocketScan> scanSockets(const std::string& root);

}  // namespace cubelet::csi
