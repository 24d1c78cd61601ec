// Pages for people who want to know which agent this is: /statusz and /flagz (KEP-4827, KEP-4828).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "kubelet/web/router.h"

namespace cubelet::nodeapi {

struct ZPages {
  bool statusz = true;  // feature gate ComponentStatusz
  bool flagz = true;    // feature gate ComponentFlagz
  WallTime startedAt;
  std::string version;  // "1.36.0"
  // What each flag stands at, asked when somebody wants to know; nothing secret.
  std::function<std::map<std::string, std::string>()> flags;
};

// `clock` and `router` must outlive the routes. Only plain text is served: clients that want anything else get 406.
void addZPages(web::Router& router, Clock& clock, ZPages pages);

// ---- Pure

// The value of an Accept header; empty: whatever there is.
bool acceptsText(std::string_view accept);
std::string statuszText(const ZPages& pages, const std::vector<std::string>& paths, WallTime now);
std::string flagzText(const std::map<std::string, std::string>& flags);

}  // namespace cubelet::nodeapi
