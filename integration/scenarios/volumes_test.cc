// Volumes as containers see them: content, modes, groups, parts of volumes, read-only mounts, propagation; and what is
// left of them.
#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

json mountOf(const std::string& name, const std::string& path, json more = json::object()) {
  more["name"] = name;
  more["mountPath"] = path;
  return more;
}

class Volumes : public NodeTest {
 protected:
  static void add(json& spec, const std::string& name, json source) {
    source["name"] = name;
    spec["volumes"].push_back(std::move(source));
  }
  static void mount(json& spec, json mount, int container = 0) {
    spec["containers"][container]["volumeMounts"].push_back(std::move(mount));
  }
  static json emptyDir() { return {{"emptyDir", json::object()}}; }
  static json hostPath(const fs::path& path) { return {{"hostPath", {{"path", path.string()}}}}; }
  fs::path podDirectory() { return node().root() / "pods" / std::string(node().podOf("p")["metadata"]["uid"]); }
  // Mount points of the machine below the agent's root.
  std::vector<std::string> mounts() {
    std::vector<std::string> found;
    std::ifstream table("/proc/self/mountinfo");
    for (std::string line; std::getline(table, line);) {
      std::istringstream fields(line);
      std::string word;
      for (int i = 0; i < 5; ++i) fields >> word;
      if (word.starts_with(node().root().string() + "/pods/")) found.push_back(word);
    }
    return found;
  }
  void removePod() {
    node().remove("p.json");
    ASSERT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "p")));
  }
};

TEST_F(Volumes, EMP_1_EmptyDirIsOpenToAllAndTheGroups) {
  const std::string out = outputOf("stat -c '%a %u %g' /cache; touch /cache/f; stat -c '%g' /cache/f", [](json& spec) {
    add(spec, "cache", emptyDir());
    mount(spec, mountOf("cache", "/cache"));
    spec["securityContext"] = {{"fsGroup", 1234}};
  });
  EXPECT_EQ(out, "2777 0 1234\n1234\n");
}

TEST_F(Volumes, EMP_2_MemoryIsATmpfsOfItsSize) {
  const std::string out = outputOf("df -k /shm | tail -1 | awk '{print $1, $2}'", [](json& spec) {
    add(spec, "shm", {{"emptyDir", {{"medium", "Memory"}, {"sizeLimit", "2Mi"}}}});
    mount(spec, mountOf("shm", "/shm"));
  });
  EXPECT_EQ(out, "tmpfs 2048\n");
}

TEST_F(Volumes, EMP_2_WithoutALimitMemoryIsWhatAllPodsMayUse) {
  const std::string out = outputOf("df -k /shm | tail -1 | awk '{print $2}'", [](json& spec) {
    add(spec, "shm", {{"emptyDir", {{"medium", "Memory"}}}});
    mount(spec, mountOf("shm", "/shm"));
  });
  const long all = ::sysconf(_SC_PHYS_PAGES) * (::sysconf(_SC_PAGESIZE) / 1024);
  EXPECT_GT(std::stol(out), all / 2) << "the kernel would give half of it";
  EXPECT_LT(std::stol(out), all) << "some is kept by evictionHard";
}

TEST_F(Volumes, VOL_8_SubPathShowsADirectoryOrAFileOfTheVolume) {
  const fs::path data = node().dir() / "data";
  fs::create_directories(data / "logs/web");
  std::ofstream(data / "logs/web/one") << "one\n";
  std::ofstream(data / "app.ini") << "ini\n";
  chmod(data.c_str(), 02775);
  const std::string out = outputOf("ls /logs; cat /etc/app.ini; stat -c %a /new; echo x > /new/made", [&](json& spec) {
    add(spec, "data", hostPath(data));
    mount(spec, mountOf("data", "/logs", {{"subPath", "logs/web"}}));
    mount(spec, mountOf("data", "/etc/app.ini", {{"subPath", "app.ini"}}));
    mount(spec, mountOf("data", "/new", {{"subPath", "made/deep"}}));
  });
  EXPECT_EQ(out, "one\nini\n2775\n");
  EXPECT_TRUE(fs::exists(data / "made/deep/made"));
  // "out" is the first mount, so the parts are the second to the fourth.
  EXPECT_EQ(mounts().size(), 3u);
  EXPECT_TRUE(fs::exists(podDirectory() / "volume-subpaths/data/c/1/one"));
  removePod();
  EXPECT_TRUE(mounts().empty());
  EXPECT_TRUE(fs::exists(data / "logs/web/one")) << "what was mounted is not what is removed";
}

TEST_F(Volumes, VOL_8_ALinkThatLeadsOutKeepsTheContainerWaiting) {
  const fs::path data = node().dir() / "data";
  fs::create_directories(data);
  fs::create_symlink("/etc", data / "evil");
  json manifest = pod("p", {marker("c", "c")});
  add(manifest["spec"], "data", hostPath(data));
  mount(manifest["spec"], mountOf("data", "/x", {{"subPath", "evil"}}));
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("the container waits", kSoon, isWaiting(node(), "p", "c", "CreateContainerConfigError")));
  EXPECT_EQ(statusOf(node().podOf("p"), "c")["state"]["waiting"].value("message", ""),
            "failed to prepare subPath for volumeMount \"data\" of container \"c\"");
  // The link gives way to a directory: the next try works.
  fs::remove(data / "evil");
  fs::create_directories(data / "evil");
  EXPECT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
}

TEST_F(Volumes, VOL_9_SubPathExprIsExpanded) {
  const std::string out = outputOf("echo mine > /data/file; ls /all/*", [](json& spec) {
    spec["containers"][0]["env"] =
        json::parse(R"([{"name":"POD","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}])");
    add(spec, "data", emptyDir());
    mount(spec, mountOf("data", "/data", {{"subPathExpr", "pods/$(POD)"}}));
    mount(spec, mountOf("data", "/all"));
  });
  EXPECT_EQ(out, "p-node1\n");
}

TEST_F(Volumes, VOL_8_ARestartOfTheAgentAndOfTheContainerKeepsTheMount) {
  const fs::path data = node().dir() / "data";
  fs::create_directories(data / "part");
  json manifest = pod("p", {shell("c", "c", "cat /part/go && exit 1; exec sleep 1000")});
  add(manifest["spec"], "data", hostPath(data));
  mount(manifest["spec"], mountOf("data", "/part", {{"subPath", "part"}}));
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  node().killAgent();
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  node().cri().stopContainer(node().cri().containersOf("p-node1").at(0).id());
  ASSERT_TRUE(eventually("it starts again", kSoon, hasStarts(node(), "c", 2)));
  EXPECT_EQ(mounts().size(), 1u);
}

TEST_F(Volumes, VOL_6_ReadOnlyMountsCannotBeWritten) {
  const std::string out =
      outputOf("touch /ro/x 2>/dev/null || echo refused; touch /rw/x && echo written; ls /ro", [](json& spec) {
        add(spec, "data", emptyDir());
        mount(spec, mountOf("data", "/ro", {{"readOnly", true}}));
        mount(spec, mountOf("data", "/rw"));
      });
  EXPECT_EQ(out, "refused\nwritten\nx\n");
}

TEST_F(Volumes, VOL_6_ASubPathCanBeReadOnly) {
  const std::string out = outputOf("touch /ro/x 2>/dev/null || echo refused", [](json& spec) {
    add(spec, "data", emptyDir());
    mount(spec, mountOf("data", "/ro", {{"readOnly", true}, {"subPath", "part"}}));
  });
  EXPECT_EQ(out, "refused\n");
}

TEST_F(Volumes, VOL_7_HostToContainerSeesLaterMounts) {
  const fs::path data = node().dir() / "data";
  fs::create_directories(data);
  ASSERT_EQ(::mount("tmpfs", data.c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, data.c_str(), nullptr, MS_SHARED, nullptr), 0);
  fs::create_directories(data / "later");
  const std::string script =
      "until [ -e /follows/later/file ]; do usleep 20000; done; ls /follows/later /private/later";
  json manifest = pod("p", {shell("c", "c", "exec > /out/seen 2>&1; " + script + "; exec sleep 1000")});
  add(manifest["spec"], "data", hostPath(data));
  mount(manifest["spec"], mountOf("data", "/follows", {{"mountPropagation", "HostToContainer"}}));
  mount(manifest["spec"], mountOf("data", "/private"));
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  ASSERT_EQ(::mount("tmpfs", (data / "later").c_str(), "tmpfs", 0, nullptr), 0);
  std::ofstream(data / "later/file") << "x";
  EXPECT_TRUE(eventually("one sees it, the other does not", kSoon, [&] {
    const std::string seen = node().record("seen");
    return seen == "/follows/later:\nfile\n\n/private/later:\n" ? "" : "seen: " + seen;
  }));
  removePod();
  umount2((data / "later").c_str(), MNT_DETACH);
  umount2(data.c_str(), MNT_DETACH);
}

TEST_F(Volumes, VOL_4_VOL_7_MountsOfABidirectionalContainerReachTheHostAndGoWithThePod) {
  json manifest = pod("p", {shell("c", "c",
                                  "mkdir /data/m && mount -t tmpfs tmpfs /data/m && touch /data/m/file; "
                                  "echo done > /out/done; exec sleep 1000")});
  add(manifest["spec"], "data", emptyDir());
  mount(manifest["spec"], mountOf("data", "/data", {{"mountPropagation", "Bidirectional"}}));
  manifest["spec"]["containers"][0]["securityContext"] = {{"privileged", true}};
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("it has mounted", kSoon, [&] { return node().record("done") == "done\n" ? "" : "not yet"; }));
  EXPECT_TRUE(fs::exists(podDirectory() / "volumes/kubernetes.io~empty-dir/data/m/file"));
  removePod();
  EXPECT_TRUE(mounts().empty());
}

TEST_F(Volumes, VOL_12_WhatAKilledAgentLeftMountedGoesWithAPodThatNobodyKnows) {
  const fs::path data = node().dir() / "data";
  fs::create_directories(data / "part");
  std::ofstream(data / "part/precious") << "x";
  json manifest = pod("p", {marker("c", "c")});
  add(manifest["spec"], "data", hostPath(data));
  add(manifest["spec"], "shm", {{"emptyDir", {{"medium", "Memory"}}}});
  mount(manifest["spec"], mountOf("data", "/part", {{"subPath", "part"}}));
  mount(manifest["spec"], mountOf("shm", "/shm"));
  node().write("p.json", manifest);
  node().startAgent();
  ASSERT_TRUE(eventually("pod p is ready", kSoon, isReady(node(), "p")));
  const fs::path directory = podDirectory();
  EXPECT_EQ(mounts().size(), 2u);
  node().killAgent();
  node().remove("p.json");
  node().startAgent();
  ASSERT_TRUE(eventually("the pod is gone", kSoon, isGone(node(), "p")));
  EXPECT_TRUE(eventually("and its directory", kSoon, [&] { return fs::exists(directory) ? "still there" : ""; }));
  EXPECT_TRUE(mounts().empty());
  EXPECT_TRUE(fs::exists(data / "part/precious"));
}

}  // namespace
}  // namespace cubelet::integration
