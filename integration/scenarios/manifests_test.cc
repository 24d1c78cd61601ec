// From the manifest directory to the program: adding, editing, removing, and everything that a directory of files can
// do to an agent.
#include <filesystem>
#include <fstream>

#include "integration/harness/node_test.h"

namespace cubelet::integration {
namespace {

namespace fs = std::filesystem;

class Manifests : public NodeTest {
 protected:
  void startWith(const std::string& file, json manifest, const std::string& name) {
    node().write(file, std::move(manifest));
    node().startAgent();
    ASSERT_TRUE(eventually("pod " + name + " is ready", kSoon, isReady(node(), name)));
  }
};

TEST_F(Manifests, STA_13_PodRunsUntilItsFileIsRemoved) {
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "c")}), "web"));
  EXPECT_EQ(runsOnce(node(), "web", {"c"})(), "");
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "c", 1)));

  node().remove("web.json");
  ASSERT_TRUE(eventually("pod web is gone", kSoon, isGone(node(), "web")));
  EXPECT_EQ(node().marks("c", "term").size(), 1U) << "it was asked to end before it was killed";
}

TEST_F(Manifests, STA_2_FileAddedLaterStartsAPod) {
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  node().write("late.json", pod("late", {marker("c", "c")}));
  ASSERT_TRUE(eventually("pod late is ready", kSoon, isReady(node(), "late")));
}

TEST_F(Manifests, YamlWithCommentsAndAnchorsIsRead) {
  node().writeText("a.yaml",
                   "# a comment\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  volumes:\n"
                   "  - name: out\n    hostPath: {path: " +
                       node().records().string() +
                       "}\n"
                       "  containers:\n  - name: one\n    image: cubelet.local/test:1\n    command: [mark, /out/one]\n"
                       "    volumeMounts: &mounts\n    - {name: out, mountPath: /out}\n"
                       "  - name: two\n    image: cubelet.local/test:1\n    command: [mark, /out/two]\n"
                       "    volumeMounts: *mounts\n");
  node().startAgent();
  ASSERT_TRUE(eventually("pod a is ready", kSoon, isReady(node(), "a")));
  EXPECT_TRUE(eventually("both run", 10s, all({hasStarts(node(), "one", 1), hasStarts(node(), "two", 1)})));
}

TEST_F(Manifests, STA_11_EditReplacesThePodAfterTheOldOneHasEnded) {
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "old")}), "web"));
  std::string oldUid = node().podOf("web")["metadata"]["uid"];
  node().write("web.json", pod("web", {marker("c", "new")}));
  ASSERT_TRUE(eventually("the new program runs", kSoon, hasStarts(node(), "new", 1)));
  ASSERT_TRUE(eventually("it is ready", kSoon, isReady(node(), "web")));
  EXPECT_NE(node().podOf("web")["metadata"]["uid"], oldUid);
  ASSERT_EQ(node().marks("old", "term").size(), 1U);
  EXPECT_LT(node().marks("old", "term")[0].monotonic, node().marks("new")[0].monotonic);
  ASSERT_TRUE(eventually("only the new one runs", kSoon, runsOnce(node(), "web", {"c"})));
}

TEST_F(Manifests, STA_12_SeveralEditsDuringATerminationStartOnlyTheLast) {
  json slow = pod("web", {container("c", {"mark", "-i", "/out/old"})});
  slow["spec"]["terminationGracePeriodSeconds"] = 3;
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", slow, "web"));
  node().write("web.json", pod("web", {marker("c", "second")}));
  ASSERT_TRUE(eventually("the first version is asked to end", kSoon, hasMark(node(), "old", "term")));
  node().write("web.json", pod("web", {marker("c", "third")}));
  ASSERT_TRUE(eventually("the last version runs", kSoon, hasStarts(node(), "third", 1)));
  EXPECT_EQ(node().starts("second"), 0U);
}

TEST_F(Manifests, STA_6_TheSameFileAgainIsTheSamePodAgain) {
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "c")}), "web"));
  std::string uid = node().podOf("web")["metadata"]["uid"];
  node().remove("web.json");
  ASSERT_TRUE(eventually("pod web is gone", kSoon, isGone(node(), "web")));
  node().write("web.json", pod("web", {marker("c", "c")}));
  ASSERT_TRUE(eventually("it runs again", kSoon, hasStarts(node(), "c", 2)));
  ASSERT_TRUE(eventually("it is ready again", kSoon, isReady(node(), "web")));
  EXPECT_EQ(node().podOf("web")["metadata"]["uid"], uid);
}

TEST_F(Manifests, SRC_11_STA_12_FileThatComesBackDuringTheTerminationIsNotLost) {
  json slow = pod("web", {container("c", {"mark", "-i", "/out/c"})});
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", slow, "web"));
  node().remove("web.json");
  ASSERT_TRUE(eventually("it is asked to end", kSoon, hasMark(node(), "c", "term")));
  node().write("web.json", slow);
  ASSERT_TRUE(eventually("it runs again", kSoon, hasStarts(node(), "c", 2)));
  ASSERT_TRUE(eventually("once", kSoon, runsOnce(node(), "web", {"c"})));
}

TEST_F(Manifests, STA_1_InvalidEditKeepsThePodFromItsLastGoodVersion) {
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "c")}), "web"));
  node().writeText(
      "web.json",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: c\n    imagee: x\n");
  ASSERT_TRUE(eventually("the mistake is told with file, line and path", kSoon,
                         logSays(node(), "web.json:7: spec.containers[0].imagee: unknown field")));
  EXPECT_TRUE(stays("the pod runs on", 1s, runsOnce(node(), "web", {"c"})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "c", 1)));

  // Also over a restart of the agent, which never saw the good version in the directory.
  EXPECT_EQ(node().stopAgent(), 0);
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, isReady(node(), "web")));
  EXPECT_TRUE(stays("the pod runs on", 1s, runsOnce(node(), "web", {"c"})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "c", 1)));

  node().write("web.json", pod("web", {marker("c", "repaired")}));
  EXPECT_TRUE(eventually("the repaired version runs", kSoon, hasStarts(node(), "repaired", 1)));
}

TEST_F(Manifests, STA_3_HalfWrittenFileDoesNotDisturbThePod) {
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "c")}), "web"));
  std::string text = node().textOf(pod("web", {marker("c", "c")}));
  node().writeInPlace("web.json", text.substr(0, text.size() / 2));
  EXPECT_TRUE(stays("the pod runs on", 1s, runsOnce(node(), "web", {"c"})));
  node().writeInPlace("web.json", "");
  EXPECT_TRUE(stays("the pod runs on", 1s, runsOnce(node(), "web", {"c"})));
  node().writeInPlace("web.json", text);
  EXPECT_TRUE(stays("the pod runs on", 1s, runsOnce(node(), "web", {"c"})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "c", 1)));
}

TEST_F(Manifests, STA_11_SecondFileOfTheSameNameIsRefusedAndBothAreNamed) {
  ASSERT_NO_FATAL_FAILURE(startWith("first.json", pod("web", {marker("c", "first")}), "web"));
  node().write("another.json", pod("web", {marker("c", "second")}));
  ASSERT_TRUE(eventually("both files are named", kSoon, [&] {
    std::istringstream lines(node().log());
    for (std::string line; std::getline(lines, line);)
      if (line.find("another.json") != std::string::npos && line.find("first.json") != std::string::npos) return "";
    return "no line of the log names both";
  }));
  EXPECT_TRUE(stays("the first one runs on", 1s, runsOnce(node(), "web", {"c"})));
  EXPECT_EQ(node().starts("second"), 0U);
  node().remove("first.json");
  EXPECT_TRUE(eventually("the second one takes over", kSoon, hasStarts(node(), "second", 1)));
}

TEST_F(Manifests, STA_1_HiddenFilesAndSubdirectoriesAreIgnored) {
  fs::create_directories(node().manifests() / "sub");
  std::ofstream(node().manifests() / "sub/deep.json") << node().textOf(pod("deep", {marker("c", "deep")}));
  std::ofstream(node().manifests() / ".hidden.json") << node().textOf(pod("hidden", {marker("c", "hidden")}));
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "c")}), "web"));
  EXPECT_EQ(node().pods().size(), 1U);
  EXPECT_EQ(node().starts("deep") + node().starts("hidden"), 0U);
}

TEST_F(Manifests, SymbolicLinksAreFollowedAndTheirSwapIsSeen) {
  // As a mounted ConfigMap looks: web.json -> ..data/web.json, ..data -> the current version, swapped by a rename.
  fs::path dir = node().manifests();
  fs::create_directories(dir / "..1");
  fs::create_directories(dir / "..2");
  std::ofstream(dir / "..1/web.json") << node().textOf(pod("web", {marker("c", "one")}));
  std::ofstream(dir / "..2/web.json") << node().textOf(pod("web", {marker("c", "two")}));
  fs::create_directory_symlink("..1", dir / "..data");
  fs::create_symlink("..data/web.json", dir / "web.json");
  node().startAgent();
  ASSERT_TRUE(eventually("the linked file's pod runs", kSoon, hasStarts(node(), "one", 1)));
  fs::create_directory_symlink("..2", dir / "..data.new");
  fs::rename(dir / "..data.new", dir / "..data");
  EXPECT_TRUE(eventually("the new version runs", kSoon, hasStarts(node(), "two", 1)));
}

TEST_F(Manifests, MissingDirectoryIsPickedUpWhenItAppears) {
  fs::remove_all(node().manifests());
  node().startAgent();
  ASSERT_TRUE(eventually("the agent answers", kSoon, agentAnswers(node())));
  fs::path other = node().dir() / "other";
  fs::create_directories(other);
  std::ofstream(other / "web.json") << node().textOf(pod("web", {marker("c", "c")}));
  fs::rename(other, node().manifests());
  EXPECT_TRUE(eventually("the pod runs", kSoon, hasStarts(node(), "c", 1)));
}

TEST_F(Manifests, ReplacedDirectoryIsFollowed) {
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "old")}), "web"));
  node().write("stay.json", pod("stay", {marker("c", "stay")}));
  ASSERT_TRUE(eventually("pod stay runs", kSoon, isReady(node(), "stay")));
  fs::path other = node().dir() / "other";
  fs::create_directories(other);
  std::ofstream(other / "stay.json") << node().textOf(pod("stay", {marker("c", "stay")}));
  std::ofstream(other / "new.json") << node().textOf(pod("new", {marker("c", "new")}));
  fs::rename(node().manifests(), node().dir() / "was");
  fs::rename(other, node().manifests());
  EXPECT_TRUE(eventually("the new directory's pod runs", kSoon, hasStarts(node(), "new", 1)));
  EXPECT_TRUE(eventually("the pod that only the old one had is gone", kSoon, isGone(node(), "web")));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "stay", 1)))
      << "the pod that both have was not touched";
  node().write("later.json", pod("later", {marker("c", "later")}));
  EXPECT_TRUE(eventually("the new directory is watched", 10s, hasStarts(node(), "later", 1)));
}

TEST_F(Manifests, STA_1_UnreadableDirectoryStopsNothing) {
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "c")}), "web"));
  // Root reads everything, so the directory is made unreadable by what it is: a link that leads nowhere, then a loop.
  fs::rename(node().manifests(), node().dir() / "away");
  fs::create_symlink(node().manifests(), node().manifests());
  EXPECT_TRUE(stays("the pod runs on", 2s, runsOnce(node(), "web", {"c"})));
  fs::remove(node().manifests());
  fs::rename(node().dir() / "away", node().manifests());
  node().write("more.json", pod("more", {marker("c", "more")}));
  EXPECT_TRUE(eventually("the directory is read again", kSoon, hasStarts(node(), "more", 1)));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "c", 1)));
}

TEST_F(Manifests, STA_1_FiveHundredFilesOfWhichFewAreGood) {
  for (int i = 0; i < 500; ++i) {
    std::string number = std::to_string(1000 + i);
    if (i % 100 == 0)
      node().write("f" + number + ".json", pod("good" + std::to_string(i / 100), {marker("c", "good")}));
    else if (i % 3 == 0)
      node().writeText("f" + number + ".yaml", "kind: Pod\n\tbroken: " + number + "\n");
    else if (i % 3 == 1)
      node().write("f" + number + ".json", pod("good0", {marker("c", "duplicate")}));
    else
      node().writeText("f" + number + ".bin", std::string("\x7f"
                                                          "ELF\0\1\2\3",
                                                          8) +
                                                  std::string(4000, '\xff'));
  }
  node().startAgent();
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(
        eventually("pod good" + std::to_string(i) + " is ready", kSoon, isReady(node(), "good" + std::to_string(i))));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "good", 5)));
  EXPECT_EQ(node().starts("duplicate"), 0U);
  node().write("zz.json", pod("last", {marker("c", "last")}));
  EXPECT_TRUE(eventually("changes are still seen at once", 10s, hasStarts(node(), "last", 1)));
}

TEST_F(Manifests, STA_1_HostileFilesDoNotDisturbOthers) {
  std::string laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'k'; ++c) {
    std::string previous(1, static_cast<char>(c - 1));
    laughs += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) laughs += (i > 0 ? ",*" : "*") + previous;
    laughs += "]\n";
  }
  node().writeText("laughs.yaml", laughs);
  node().writeText("deep.yaml", std::string(200000, '['));
  node().writeText("large.yaml", "# " + std::string(12 << 20, 'x') + "\n");
  node().writeText("twice.yaml", "apiVersion: v1\nkind: Pod\nkind: Pod\n");
  ASSERT_EQ(run({"mkfifo", (node().manifests() / "fifo.yaml").string()}).exitCode, 0);
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "c")}), "web"));
  for (const char* file : {"laughs.yaml", "deep.yaml", "large.yaml", "twice.yaml", "fifo.yaml"})
    EXPECT_TRUE(eventually("something is said about it", 10s, logSays(node(), file)));
}

TEST_F(Manifests, ListAndSeveralDocumentsInOneFile) {
  json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", json::array()}};
  for (const char* name : {"one", "two"})
    list["items"].push_back(json::parse(node().textOf(pod(name, {marker("c", name)}))));
  node().writeText("list.json", list.dump());
  node().writeText("docs.yaml", node().textOf(pod("three", {marker("c", "three")})) + "---\n" +
                                    node().textOf(pod("four", {marker("c", "four")})));
  node().startAgent();
  for (const char* name : {"one", "two", "three", "four"})
    EXPECT_TRUE(eventually(std::string("pod ") + name + " is ready", kSoon, isReady(node(), name)));
}

TEST_F(Manifests, SRC_1_PodsComeFromAUrlToo) {
  fs::path www = node().dir() / "www";
  fs::create_directories(www);
  std::ofstream(www / "pods") << node().textOf(pod("far", {marker("c", "far")}));
  // Any free port: the kernel names one when a socket is bound to 0, but busybox cannot; take one from the pid.
  std::string port = std::to_string(20000 + getpid() % 20000);
  Process server({"busybox", "httpd", "-f", "-p", "127.0.0.1:" + port, "-h", www.string()},
                 (node().dir() / "httpd.log").string());
  node().config["staticPodURL"] = "http://127.0.0.1:" + port + "/pods";
  node().config["httpCheckFrequency"] = "1s";
  node().startAgent();
  ASSERT_TRUE(eventually("pod far is ready", kSoon, isReady(node(), "far")));
  EXPECT_EQ(node().podOf("far")["metadata"]["annotations"]["kubernetes.io/config.source"], "http");

  // A server that does not answer is no reason to stop anything.
  server = Process();
  EXPECT_TRUE(stays("the pod runs on", 3s, runsOnce(node(), "far", {"c"})));
  EXPECT_TRUE(eventually("number of starts", 10s, hasStarts(node(), "far", 1)));
}

TEST_F(Manifests, STA_5_STA_7_IdentityIsAsUpstreamGivesIt) {
  ASSERT_NO_FATAL_FAILURE(startWith("web.json", pod("web", {marker("c", "c")}), "web"));
  json seen = node().podOf("web");
  json annotations = seen["metadata"]["annotations"];
  EXPECT_EQ(seen["metadata"]["name"], "web-node1");
  EXPECT_EQ(seen["metadata"]["namespace"], "default");
  EXPECT_EQ(seen["spec"]["nodeName"], "node1");
  EXPECT_EQ(annotations["kubernetes.io/config.hash"], seen["metadata"]["uid"]);
  EXPECT_EQ(annotations["kubernetes.io/config.source"], "file");
  EXPECT_FALSE(annotations["kubernetes.io/config.seen"].is_null());
  EXPECT_EQ(std::string(seen["metadata"]["uid"]).size(), 32U);
}

}  // namespace
}  // namespace cubelet::integration
