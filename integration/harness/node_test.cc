#include "integration/harness/node_test.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <unistd.h>

#include "integration/harness/built.h"
#include "integration/harness/cgroups.h"
#include "integration/harness/kept_logs.h"

namespace cubelet::integration {
namespace fs = std::filesystem;
namespace {

// A test program that was killed leaves its containerd and pods behind; the next one clears them away.
void removeOrphans() {
  for (const auto& entry : fs::directory_iterator("/tmp")) {
    pid_t owner = 0;
    if (!entry.path().filename().string().starts_with("cbl.")) continue;
    std::ifstream(entry.path() / "owner") >> owner;
    if (owner <= 0 || kill(owner, 0) == 0) continue;
    run({built::script("private-containerd"), "stop", (entry.path() / "containerd").string()});
    std::error_code ignored;
    fs::remove_all(entry.path(), ignored);
  }
  for (const std::string& cgroup : topCgroups()) {
    int owner = 0;
    if (std::sscanf(cgroup.c_str(), "cubelet-test-%d-", &owner) == 1 && kill(owner, 0) != 0)
      removeCgroups("/" + cgroup);
  }
}

// Directory and containerd of this test program; made when the first test needs them.
class Program : public ::testing::Environment {
 public:
  void TearDown() override {
    containerd_.reset();
    if (dir_.empty()) return;
    // An exception here would end the program before its report is written.
    std::error_code problem;
    fs::remove_all(dir_, problem);
    if (problem) ADD_FAILURE() << "cannot remove " << dir_ << ": " << problem.message();
  }

  Containerd& containerd() {
    if (!containerd_) {
      removeOrphans();
      // Short: sockets lie below it.
      std::string pattern = "/tmp/cbl.XXXXXX";
      dir_ = mkdtemp(pattern.data());
      std::ofstream(dir_ / "owner") << getpid();
      fs::permissions(dir_, fs::perms(0711));
      containerd_.emplace(dir_ / "containerd");
    }
    containerd_->start();
    return *containerd_;
  }
  fs::path nextNodeDir() { return dir_ / ("n" + std::to_string(++nodes_)); }

 private:
  fs::path dir_;
  std::optional<Containerd> containerd_;
  int nodes_ = 0;
};

Program* const program = static_cast<Program*>(::testing::AddGlobalTestEnvironment(new Program));

std::string lastLines(const std::string& text, int count) {
  std::size_t at = text.size();
  while (at > 0 && count >= 0)
    if (text[--at] == '\n') --count;
  return text.substr(at);
}

}  // namespace

void NodeTest::SetUp() {
  if (std::string reason = built::missing(); !reason.empty()) {
    if (std::getenv("CI") != nullptr) FAIL() << reason;
    GTEST_SKIP() << reason;
  }
  Containerd& containerd = program->containerd();
  node_ = std::make_unique<Node>(containerd, program->nextNodeDir());
}

void NodeTest::TearDown() {
  if (node_ && HasFailure()) {
    printf("--- end of the agent's log:\n%s--- end of containerd's log:\n%s---\n", lastLines(node_->log(), 60).c_str(),
           node_->containerd().endOfLog().c_str());
    keepLog(node_->containerd().log());
    keepLog(node_->podLogs());
    printf("the whole logs: %s\n", keepLog(node_->logFile()).c_str());
  }
  if (node_ && node_->agent().running()) EXPECT_EQ(node_->stopAgent(), 0) << "exit code of the agent";
  node_.reset();
}

std::string NodeTest::outputOf(const std::string& script, const std::function<void(json&)>& change) {
  json manifest = pod(
      "p",
      {container("c", {"sh", "-c", "{ " + script + " ; } > /out/out 2>&1; mv /out/out /out/done; exec sleep 1000"})});
  change(manifest["spec"]);
  node().write("p.json", manifest);
  node().startAgent();
  EXPECT_TRUE(eventually("the script has run", kSoon, [&] {
    return fs::exists(node().records() / "done") ? "" : "not yet: " + isReady(node(), "p")() + node().record("out");
  }));
  return node().record("done");
}

}  // namespace cubelet::integration
