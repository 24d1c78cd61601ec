// What a request for a container's log asks for (LOG-4). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "kubelet/logs/cri_log.h"
#include "kubelet/web/target.h"

namespace cubelet::nodeapi {

struct LogQuery {
  bool follow = false;
  bool previous = false;
  std::optional<std::uint64_t> tail;   // lines
  std::optional<std::uint64_t> limit;  // bytes of the answer
  logs::LogFormat format;
};

struct BadLogQuery {
  int status = 400;  // 400: cannot be read; 422: its values make no sense
  std::string text;
};

// Nothing: `out` holds the query.
std::optional<BadLogQuery> readLogQuery(const web::Target& target, WallTime now, LogQuery& out);

}  // namespace cubelet::nodeapi
