#include "kubelet/nodeapi/z_pages.h"

#include <ctime>
#include <fmt/format.h>
#include <memory>
#include <set>
#include <utility>

namespace cubelet::nodeapi {
namespace {

using web::Reply;
using web::RequestPtr;

constexpr char kWarning[] = "Warning: this page is for people. Its form may change at any time.\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "Sun Nov 29 14:48:58 UTC 2026", as Go's time.UnixDate.
std::string unixDate(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, "%a %b %e %H:%M:%S UTC %Y", &parts);
  return std::string(text, size);
}

// The first part of each path that is served.
std::vector<std::string> pathsOf(const web::Router& router) {
  std::set<std::string> first;
  for (const web::Route& route : router.routes()) first.insert(route.pattern.substr(0, route.pattern.find('/', 1)));
  return {first.begin(), first.end()};
}

Task<Reply> page(std::string text, bool accepted) {
  if (!accepted) co_return web::textReply(406, "only text/plain is served here\n");
  co_return web::textReply(200, std::move(text));
}

}  // namespace

bool acceptsText(std::string_view accept) {
  if (trimmed(accept).empty()) return true;
  while (!accept.empty()) {
    const std::size_t comma = accept.find(',');
    const std::string_view one = accept.substr(0, comma);
    const std::string_view type = trimmed(one.substr(0, one.find(';')));
    if (type == "text/plain" || type == "text/*" || type == "*/*") return true;
    accept = comma == std::string_view::npos ? std::string_view() : accept.substr(comma + 1);
  }
  return false;
}

std::string statuszText(const ZPages& pages, const std::vector<std::string>& paths, WallTime now) {
  const auto up = std::chrono::duration_cast<std::chrono::seconds>(now - pages.startedAt).count();
  std::string text = std::string("\nkubelet statusz\n") + kWarning;
  text += "\nStarted: " + unixDate(pages.startedAt);
  text += fmt::format("\nUp: {} hr {:02} min {:02} sec", up / 3600, up / 60 % 60, up % 60);
  text += "\nBinary version: " + pages.version + "\nPaths:";
  for (const std::string& path : paths) text += " " + path;
  return text + "\n";
}

std::string flagzText(const std::map<std::string, std::string>& flags) {
  std::string text = std::string("\nkubelet flagz\n") + kWarning + "\n";
  for (const auto& [name, value] : flags) text += name + "=" + value + "\n";
  return text;
}

void addZPages(web::Router& router, Clock& clock, ZPages pages) {
  const auto shown = std::make_shared<const ZPages>(std::move(pages));
  if (shown->statusz)
    router.add({.methods = {"GET"},
                .pattern = "/statusz",
                .handler =
                    [shown, &clock, &router](const RequestPtr& request) {
                      return page(statuszText(*shown, pathsOf(router), clock.wallNow()),
                                  acceptsText(request->header("Accept")));
                    },
                .always = false});
  if (shown->flagz)
    router.add({.methods = {"GET"},
                .pattern = "/flagz",
                .handler =
                    [shown](const RequestPtr& request) {
                      return page(flagzText(shown->flags()), acceptsText(request->header("Accept")));
                    },
                .always = false});
}

}  // namespace cubelet::nodeapi
