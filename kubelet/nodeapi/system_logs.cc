#include "kubelet/nodeapi/system_logs.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "base/files.h"
#include "base/log.h"

namespace cubelet::nodeapi {
namespace {

using web::Reply;
using web::RequestPtr;

constexpr std::size_t kPiece = std::size_t{64} * 1024;
constexpr std::size_t kFirstLook = 512;
constexpr int kMostLinks = 8;

std::string escapedForPage(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&#34;";
    else if (c == '\'')
      out += "&#39;";
    else
      out += c;
  }
  return out;
}

std::string escapedForLink(std::string_view name) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-_.~/").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

// Where the symbolic link `path` leads; nothing: it is none.
std::optional<std::string> targetOf(const Fd& root, const std::string& path) {
  const Result<Fd> link = openBeneath(root, path, O_PATH | O_NOFOLLOW);
  if (!link) return std::nullopt;
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(link->get(), "", target.data(), target.size());
  if (size <= 0) return std::nullopt;
  target.resize(static_cast<std::size_t>(size));
  return target;
}

// An absolute link leads out of any directory in the kernel's eyes. Those in /var/log/containers lead to /var/log/pods:
// they are followed here, by their path below the same directory.
Result<Fd> openFile(const Fd& root, const std::string& directory, std::string path) {
  for (int links = 0;; ++links) {
    Result<Fd> file = openBeneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (file || file.error().code != Code::kInvalid || links == kMostLinks) return file;
    const std::optional<std::string> target = targetOf(root, path);
    if (!target || !target->starts_with(directory + "/") || !web::isPlainPath(*target)) return file;
    path = target->substr(directory.size() + 1);
  }
}

// As long as it was when it was opened: what is written meanwhile would have no end.
class FileBody final : public web::BodySource {
 public:
  FileBody(Fd file, std::uint64_t size, std::string name)
      : file_(std::move(file)), left_(size), name_(std::move(name)) {}

  Next read(std::string& out) override {
    const std::size_t before = out.size();
    ssize_t got = 0;
    out.resize_and_overwrite(before + std::min<std::uint64_t>(left_, kPiece), [&](char* all, std::size_t size) {
      do {
        got = ::pread(file_.get(), all + before, size - before, static_cast<off_t>(offset_));
      } while (got < 0 && errno == EINTR);
      return before + static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    });
    if (got < 0)
      log::warning("cannot read a log of the system", {{"file", name_}, {"error", errnoError(errno, "read").message}});
    if (got <= 0) return Next::kEnd;
    offset_ += static_cast<std::uint64_t>(got);
    left_ -= static_cast<std::uint64_t>(got);
    return left_ == 0 ? Next::kEnd : Next::kMore;
  }
  Task<void> wait() override { co_return; }
  void stop() override { left_ = 0; }

 private:
  Fd file_;
  std::uint64_t offset_ = 0;
  std::uint64_t left_;
  std::string name_;
};

bool isText(const Fd& file) {
  char start[kFirstLook];
  const ssize_t got = ::pread(file.get(), start, sizeof start, 0);
  return std::none_of(start, start + std::max<ssize_t>(got, 0), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r' && byte != '\f' && byte != 0x1b;
  });
}

Reply plain(int status) {
  return web::textReply(
      status, status == 404 ? "404 page not found\n"
                            : std::to_string(status) + (status == 403 ? " Forbidden\n" : " Internal Server Error\n"));
}

Reply refusal(const Error& error) {
  if (error.code == Code::kNotFound) return plain(404);
  if (error.code == Code::kInvalid) return plain(403);
  log::warning("cannot show a log of the system", {{"error", error.message}});
  return plain(500);
}

// To the same thing under its right path, which is relative to the one that was asked for.
Reply elsewhere(const std::string& path) {
  Reply reply = web::textReply(301, "");
  reply.headers.emplace_back("Location", escapedForLink(path));
  return reply;
}

std::string lastPart(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

Reply listing(Fd directory) {
  struct Close {
    void operator()(DIR* open) const { ::closedir(open); }
  };
  const std::unique_ptr<DIR, Close> entries(::fdopendir(directory.get()));
  if (!entries) return web::textReply(500, "Error reading directory\n");
  (void)directory.release();  // it is the stream's now
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (entry->d_type == DT_DIR) name += '/';
    names.push_back(std::move(name));
  }
  Reply reply;
  reply.contentType = "text/html; charset=utf-8";
  reply.body = directoryPage(std::move(names));
  return reply;
}

Reply show(const std::string& directory, const std::string& path, std::string_view asked) {
  const Result<Fd> root = openDirectory(directory);
  if (!root) return refusal(root.error());
  std::string name = path;
  if (name.ends_with('/')) name.pop_back();
  Result<Fd> file = openFile(*root, directory, name.empty() ? "." : name);
  if (!file) return refusal(file.error());
  struct stat status{};
  if (::fstat(file->get(), &status) != 0) return refusal(errnoError(errno, "read " + path));
  if (S_ISDIR(status.st_mode))
    return asked.ends_with('/') ? listing(std::move(*file)) : elsewhere(lastPart(asked) + "/");
  if (!S_ISREG(status.st_mode)) return plain(403);
  if (asked.ends_with('/')) return elsewhere("../" + lastPart(asked));
  Reply reply;
  reply.contentType = isText(*file) ? "text/plain; charset=utf-8" : "application/octet-stream";
  reply.source = std::make_shared<FileBody>(std::move(*file), static_cast<std::uint64_t>(status.st_size), path);
  return reply;
}

Task<Reply> serve(std::string directory, RequestPtr request) {
  co_return show(directory, request->parameter("path"), request->target.path);
}

Task<Reply> off() {
  co_return web::textReply(405, "logs endpoint is disabled.\n");
}

}  // namespace

std::string directoryPage(std::vector<std::string> names) {
  std::ranges::sort(names);
  std::string page = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n";
  for (const std::string& name : names)
    page += "<a href=\"" + escapedForLink(name) + "\">" + escapedForPage(name) + "</a>\n";
  return page + "</pre>\n";
}

void addSystemLogRoutes(web::Router& router, std::string directory, bool enabled) {
  web::Handler handler = [](const RequestPtr&) { return off(); };
  if (enabled)
    handler = [shown = std::move(directory)](RequestPtr request) { return serve(shown, std::move(request)); };
  router.add({.methods = {"GET"}, .pattern = "/logs/{path...}", .handler = std::move(handler), .always = false});
}

}  // namespace cubelet::nodeapi
