#include "kubelet/nodeapi/system_logs.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/loop.h"
#include "base/temp_dir.h"

namespace cubelet::nodeapi {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class SystemLogs : public testing::Test {
 protected:
  SystemLogs() {
    fs::create_directories(logs / "pods/a");
    fs::create_directories(logs / "containers");
    write(logs / "syslog", "hello\n");
    write(logs / "pods/a/0.log", "of a pod\n");
    write(logs / "old.gz", std::string("\x1f\x8b\x08\x00", 4));
    write(dir / "secret", "secret");
    addSystemLogRoutes(router, logs, true);
  }
  static void write(const fs::path& path, const std::string& content) { std::ofstream(path) << content; }

  web::Reply ask(const std::string& path, const std::string& method = "GET") {
    web::Request request;
    request.method = method;
    request.target.path = path;
    web::Router::Match match = router.find(method, path);
    if (match.route == nullptr) return web::textReply(match.status, "");
    EXPECT_FALSE(match.route->always);
    request.parameters = std::move(match.parameters);
    Task<web::Reply> asked = match.route->handler(std::make_shared<const web::Request>(std::move(request)));
    return loop.runToEnd(std::move(asked));
  }
  std::string bodyOf(const web::Reply& reply) {
    if (!reply.source) return reply.body;
    std::string body;
    while (reply.source->read(body) != web::BodySource::Next::kEnd) continue;
    return body;
  }

  Loop loop;
  TempDir dir;
  fs::path logs = fs::path(dir / "log");
  web::Router router;
};

TEST_F(SystemLogs, SRV_3_AFileIsServedAsItIs) {
  const web::Reply reply = ask("/logs/syslog");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.contentType, "text/plain; charset=utf-8");
  EXPECT_EQ(bodyOf(reply), "hello\n");
  EXPECT_EQ(ask("/logs/old.gz").contentType, "application/octet-stream");
  EXPECT_EQ(bodyOf(ask("/logs/pods/a/0.log")), "of a pod\n");
}

TEST_F(SystemLogs, SRV_3_ADirectoryIsAPageOfLinks) {
  const web::Reply reply = ask("/logs/");
  EXPECT_EQ(reply.contentType, "text/html; charset=utf-8");
  EXPECT_THAT(reply.body, HasSubstr("<pre>\n<a href=\"containers/\">containers/</a>\n<a href=\"old.gz\">old.gz</a>\n"
                                    "<a href=\"pods/\">pods/</a>\n<a href=\"syslog\">syslog</a>\n</pre>\n"));
  EXPECT_THAT(ask("/logs/pods/").body, HasSubstr("<a href=\"a/\">a/</a>"));
}

TEST_F(SystemLogs, NamesCannotBreakThePage) {
  EXPECT_THAT(directoryPage({"a&<b>\"'.log", "x y?#"}),
              HasSubstr("<a href=\"a%26%3Cb%3E%22%27.log\">a&amp;&lt;b&gt;&#34;&#39;.log</a>\n"
                        "<a href=\"x%20y%3F%23\">x y?#</a>\n"));
}

TEST_F(SystemLogs, ThePathSaysWhetherItIsADirectory) {
  const auto leadsTo = [this](const std::string& path) {
    const web::Reply reply = ask(path);
    return std::to_string(reply.status) + " " + std::string(web::headerOf(reply.headers, "Location"));
  };
  EXPECT_EQ(leadsTo("/logs/pods"), "301 pods/");
  EXPECT_EQ(leadsTo("/logs"), "301 logs/");
  EXPECT_EQ(leadsTo("/logs/pods/a/0.log/"), "301 ../0.log");
}

TEST_F(SystemLogs, LinksWithinTheDirectoryAreFollowed) {
  fs::create_symlink("../syslog", logs / "containers/relative");
  fs::create_symlink(logs / "pods/a/0.log", logs / "containers/absolute");
  fs::create_symlink(logs / "containers/absolute", logs / "twice");
  fs::create_symlink(logs / "loop", logs / "loop");
  EXPECT_EQ(bodyOf(ask("/logs/containers/relative")), "hello\n");
  EXPECT_EQ(bodyOf(ask("/logs/containers/absolute")), "of a pod\n");
  EXPECT_EQ(bodyOf(ask("/logs/twice")), "of a pod\n");
  EXPECT_EQ(ask("/logs/loop").status, 403);
}

TEST_F(SystemLogs, NothingOutsideIsServed) {
  fs::create_symlink(dir / "secret", logs / "absolute");
  fs::create_symlink("../secret", logs / "relative");
  fs::create_symlink("..", logs / "up");
  fs::create_symlink((logs / "../secret").string(), logs / "dots");
  fs::create_symlink(dir / "log-of-others", logs / "alike");
  fs::create_directories(dir / "log-of-others");
  fs::create_symlink("/proc/self/fd/0", logs / "magic");
  ASSERT_EQ(::mkfifo((logs / "pipe").c_str(), 0600), 0);
  for (const char* name : {"absolute", "relative", "up/secret", "up", "dots", "alike", "magic", "pipe"})
    EXPECT_EQ(ask(std::string("/logs/") + name).status, 403) << name;
  EXPECT_EQ(ask("/logs/none").status, 404);
  EXPECT_EQ(ask("/logs/syslog/below").status, 404);
}

TEST_F(SystemLogs, AFileIsAsLongAsItWas) {
  const web::Reply reply = ask("/logs/syslog");
  std::ofstream(logs / "syslog", std::ios::app) << "later\n";
  EXPECT_EQ(bodyOf(reply), "hello\n");
}

TEST_F(SystemLogs, SRV_3_TheyCanBeTurnedOff) {
  web::Router without;
  addSystemLogRoutes(without, logs, false);
  std::swap(router, without);
  const web::Reply reply = ask("/logs/syslog");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.body, "logs endpoint is disabled.\n");
}

}  // namespace
}  // namespace cubelet::nodeapi
