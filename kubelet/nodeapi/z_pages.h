// Pages for people who want to know which agent this is: /statusz and /flagz (KEP-4827, KEP-4828).
#pragma once

#include <functional>
#include <map>
#include <optional>
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

// `clock` and `router` must outlive the routes. Plain text, or an object in JSON; clients that want anything else get
// 406.
void addZPages(web::Router& router, Clock& clock, ZPages pages);

// ---- Pure

struct ZForm {
  std::string version;  // of config.k8s.io that the object has: "v1beta1", "v1alpha1"; empty: plain text
  bool operator==(const ZForm&) const = default;
};
// What an Accept header asks for; empty: text. Objects are asked for by all three of their parameters
// ("application/json;v=v1beta1;g=config.k8s.io;as=Statusz"). Of several forms the first that is served, whatever its
// weight. Nothing: none is served.
std::optional<ZForm> zForm(std::string_view accept, std::string_view kind);
std::string statuszText(const ZPages& pages, const std::vector<std::string>& paths, WallTime now);
std::string flagzText(const std::map<std::string, std::string>& flags);
// The same as objects of config.k8s.io.
std::string statuszJson(const ZPages& pages, const std::vector<std::string>& paths, WallTime now,
                        const std::string& version);
std::string flagzJson(const std::map<std::string, std::string>& flags, const std::string& version);

}  // namespace cubelet::nodeapi
