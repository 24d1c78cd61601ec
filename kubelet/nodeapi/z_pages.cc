#include "kubelet/nodeapi/z_pages.h"

#include <ctime>
#include <fmt/format.h>
#include <memory>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

namespace cubelet::nodeapi {
namespace {

using web::Reply;
using web::RequestPtr;
using Json = nlohmann::ordered_json;

constexpr char kWarning[] = "Warning: this page is for people. Its form may change at any time.\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string formatted(WallTime time, const char* format) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, format, &parts);
  return std::string(text, size);
}

// "Sun Nov 29 14:48:58 UTC 2026", as Go's time.UnixDate.
std::string unixDate(WallTime time) {
  return formatted(time, "%a %b %e %H:%M:%S UTC %Y");
}

// "2026-11-29T14:48:58Z": times in objects have no fraction.
std::string rfc3339(WallTime time) {
  return formatted(time, "%Y-%m-%dT%H:%M:%SZ");
}

// The first part of each path that is served.
std::vector<std::string> pathsOf(const web::Router& router) {
  std::set<std::string> first;
  for (const web::Route& route : router.routes()) first.insert(route.pattern.substr(0, route.pattern.find('/', 1)));
  return {first.begin(), first.end()};
}

std::string_view firstOf(std::string_view& list, char separator) {
  const std::size_t end = list.find(separator);
  const std::string_view first = trimmed(list.substr(0, end));
  list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
  return first;
}

std::optional<ZForm> formOf(std::string_view range, std::string_view kind) {
  const std::string_view type = firstOf(range, ';');
  if (type == "text/plain" || type == "text/*" || type == "*/*") return ZForm{};
  if (type != "application/json") return std::nullopt;
  std::map<std::string_view, std::string_view> parameters;
  while (!range.empty()) {
    std::string_view one = firstOf(range, ';');
    const std::string_view name = firstOf(one, '=');
    parameters[name] = trimmed(one);
  }
  const std::string_view version = parameters["v"];
  const bool known = version == "v1alpha1" || version == "v1beta1";
  if (!known || parameters["g"] != "config.k8s.io" || parameters["as"] != kind) return std::nullopt;
  return ZForm{std::string(version)};
}

Json object(const char* kind, const std::string& version) {
  Json json;
  json["kind"] = kind;
  json["apiVersion"] = "config.k8s.io/" + version;
  json["metadata"] = {{"name", "kubelet"}};
  return json;
}

// Flags may hold bytes that are no UTF-8.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::int64_t secondsUp(const ZPages& pages, WallTime now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now - pages.startedAt).count();
}

Task<Reply> page(bool json, std::string body) {
  co_return json ? web::jsonReply(std::move(body)) : web::textReply(200, std::move(body));
}

Task<Reply> notServed(std::string_view kind) {
  co_return web::textReply(
      406, fmt::format("only text/plain and application/json;v=v1beta1;g=config.k8s.io;as={} are served here\n", kind));
}

}  // namespace

std::optional<ZForm> zForm(std::string_view accept, std::string_view kind) {
  if (trimmed(accept).empty()) return ZForm{};
  while (!accept.empty())
    if (std::optional<ZForm> form = formOf(firstOf(accept, ','), kind)) return form;
  return std::nullopt;
}

std::string statuszText(const ZPages& pages, const std::vector<std::string>& paths, WallTime now) {
  const std::int64_t up = secondsUp(pages, now);
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

std::string statuszJson(const ZPages& pages, const std::vector<std::string>& paths, WallTime now,
                        const std::string& version) {
  Json json = object("Statusz", version);
  json["startTime"] = rfc3339(pages.startedAt);
  json["uptimeSeconds"] = secondsUp(pages, now);
  json["binaryVersion"] = pages.version;
  json["paths"] = paths;
  return dump(json);
}

std::string flagzJson(const std::map<std::string, std::string>& flags, const std::string& version) {
  Json json = object("Flagz", version);
  json["flags"] = flags;
  return dump(json);
}

void addZPages(web::Router& router, Clock& clock, ZPages pages) {
  const auto shown = std::make_shared<const ZPages>(std::move(pages));
  const auto statusz = [shown, &clock, &router](const RequestPtr& request) {
    const std::optional<ZForm> form = zForm(request->header("Accept"), "Statusz");
    if (!form) return notServed("Statusz");
    if (form->version.empty()) return page(false, statuszText(*shown, pathsOf(router), clock.wallNow()));
    return page(true, statuszJson(*shown, pathsOf(router), clock.wallNow(), form->version));
  };
  const auto flagz = [shown](const RequestPtr& request) {
    const std::optional<ZForm> form = zForm(request->header("Accept"), "Flagz");
    if (!form) return notServed("Flagz");
    if (form->version.empty()) return page(false, flagzText(shown->flags()));
    return page(true, flagzJson(shown->flags(), form->version));
  };
  if (shown->statusz) router.add({.methods = {"GET"}, .pattern = "/statusz", .handler = statusz, .always = false});
  if (shown->flagz) router.add({.methods = {"GET"}, .pattern = "/flagz", .handler = flagz, .always = false});
}

}  // namespace cubelet::nodeapi
