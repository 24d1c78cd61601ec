#include "staticpods/objects/local_objects.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>

#include "base/task_group.h"
#include "base/temp_dir.h"

namespace cubelet::staticpods {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string configMap(const std::string& name, const std::string& color) {
  return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {color: " + color + "}\n";
}

// On a real directory. Nothing here sleeps: each step runs the loop until what must come has come.
class LocalObjectsTest : public testing::Test {
 protected:
  LocalObjectsTest() { fs::create_directory(directory); }
  ~LocalObjectsTest() override { loop.runToEnd(group.close()); }

  void put(const std::string& file, const std::string& text) {
    std::ofstream(directory + "/.new") << text;
    fs::rename(directory + "/.new", directory + "/" + file);
  }
  void start() {
    objects.emplace(loop, clock, pool, LocalObjects::Options{.path = directory},
                    [this](std::vector<FileProblem> all) { problems = std::move(all); });
    objects->onChange([this](const std::string& ns, const std::string& name) { changes.push_back(ns + "/" + name); });
    group.spawn("objects", objects->run());
  }
  Result<objects::ConfigMapPtr> ask(const std::string& name) {
    return loop.runToEnd(objects->configMap("default", name));
  }
  std::string color(const std::string& name) {
    Result<objects::ConfigMapPtr> found = ask(name);
    return found ? (*found)->data().at("color") : found.error().message;
  }
  testing::AssertionResult until(const std::function<bool()>& done) {
    if (loop.runUntil(done, std::chrono::seconds(60))) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "it does not come";
  }

  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 4};
  TempDir dir;
  std::string directory = dir / "objects";
  std::optional<LocalObjects> objects;
  std::vector<FileProblem> problems;
  std::vector<std::string> changes;
  TaskGroup group{loop};
};

TEST_F(LocalObjectsTest, TheFirstQuestionWaitsForTheFirstLook) {
  put("a.yaml", configMap("settings", "red"));
  start();
  EXPECT_EQ(color("settings"), "red");
}

TEST_F(LocalObjectsTest, AChangeIsTold) {
  put("a.yaml", configMap("settings", "red"));
  start();
  ASSERT_EQ(color("settings"), "red");
  changes.clear();
  put("a.yaml", configMap("settings", "blue"));
  ASSERT_TRUE(until([&] { return !changes.empty(); }));
  EXPECT_THAT(changes, ElementsAre("default/settings"));
  EXPECT_EQ(color("settings"), "blue");
}

TEST_F(LocalObjectsTest, AMissingObjectSaysWhereItIsMissing) {
  start();
  const Result<objects::ConfigMapPtr> found = ask("settings");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kNotFound);
  EXPECT_EQ(found.error().message,
            "configmap \"settings\" not found in namespace default: no file in " + directory + " defines it");
}

TEST_F(LocalObjectsTest, AMissingObjectNamesTheBadFileThatMayHoldIt) {
  put("a.yaml", "kind: ConfigMap\n");
  start();
  EXPECT_THAT(color("settings"), HasSubstr("where not all is well: " + directory + "/a.yaml:1: apiVersion is missing"));
}

TEST_F(LocalObjectsTest, ABadFileKeepsItsLastGoodVersion) {
  put("a.yaml", configMap("settings", "red"));
  start();
  ASSERT_EQ(color("settings"), "red");
  put("a.yaml", configMap("settings", "blue") + "colour: x\n");
  ASSERT_TRUE(until([&] { return !problems.empty(); }));
  EXPECT_EQ(color("settings"), "red");
  EXPECT_THAT(problems[0].problems, ElementsAre(HasSubstr("a.yaml:5: colour: unknown field")));
  EXPECT_THAT(problems[0].kept, ElementsAre("configmap \"default/settings\""));
  put("a.yaml", configMap("settings", "blue"));
  ASSERT_TRUE(until([&] { return problems.empty(); }));
  EXPECT_EQ(color("settings"), "blue");
}

TEST_F(LocalObjectsTest, ARemovedFileIsMissedForAMoment) {
  put("a.yaml", configMap("settings", "red"));
  start();
  ASSERT_EQ(color("settings"), "red");
  changes.clear();
  fs::remove(directory + "/a.yaml");
  ASSERT_TRUE(until([&] { return clock.nextDue() == clock.now() + std::chrono::milliseconds(100); }));
  EXPECT_EQ(color("settings"), "red");
  clock.advance(std::chrono::milliseconds(100));
  ASSERT_TRUE(until([&] { return !changes.empty(); }));
  EXPECT_THAT(color("settings"), HasSubstr("not found"));
}

TEST_F(LocalObjectsTest, AVanishedDirectoryKeepsWhatItHad) {
  put("a.yaml", configMap("settings", "red"));
  start();
  ASSERT_EQ(color("settings"), "red");
  fs::rename(directory, directory + ".away");
  ASSERT_TRUE(until([&] { return !problems.empty(); }));
  EXPECT_EQ(color("settings"), "red");
  fs::rename(directory + ".away", directory);
  ASSERT_TRUE(until([&] { return problems.empty(); }));
  EXPECT_EQ(color("settings"), "red");
}

TEST_F(LocalObjectsTest, ADirectoryMayComeLater) {
  fs::remove(directory);
  start();
  EXPECT_THAT(color("settings"), HasSubstr("not found"));
  EXPECT_THAT(problems, IsEmpty());
  fs::create_directory(directory);
  put("a.yaml", configMap("settings", "red"));
  ASSERT_TRUE(until([&] { return !changes.empty(); }));
  EXPECT_EQ(color("settings"), "red");
}

TEST_F(LocalObjectsTest, TwoFilesWithOneObjectAreAProblem) {
  put("a.yaml", configMap("settings", "red"));
  put("b.yaml", configMap("settings", "blue") + "---\n" + configMap("other", "green"));
  start();
  EXPECT_EQ(color("settings"), "red");
  EXPECT_EQ(color("other"), "green");
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].problems, ElementsAre(HasSubstr("b.yaml:1: configmap \"default/settings\" is defined at")));
}

TEST_F(LocalObjectsTest, AClaimHearsOfItsVolume) {
  put("a.yaml", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {volumeName: disk}\n");
  start();
  Result<objects::ClaimPtr> claim = loop.runToEnd(objects->claim("default", "data"));
  ASSERT_TRUE(claim);
  EXPECT_EQ((*claim)->status().phase(), "Pending");
  changes.clear();
  put("b.yaml", "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\nspec: {local: {path: /data}}\n");
  ASSERT_TRUE(until([&] { return !changes.empty(); }));
  EXPECT_THAT(changes, Contains("default/data"));
  claim = loop.runToEnd(objects->claim("default", "data"));
  EXPECT_EQ((*claim)->status().phase(), "Bound");
}

TEST_F(LocalObjectsTest, CSI_15_AClaimHearsOfItsVolumesSize) {
  const auto volume = [](const std::string& size) {
    return "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: disk}\nspec: {capacity: {storage: " + size +
           "}, local: {path: /data}}\n";
  };
  put("a.yaml", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {volumeName: disk}\n");
  put("b.yaml", volume("1Gi"));
  start();
  ASSERT_TRUE(loop.runToEnd(objects->claim("default", "data")));
  changes.clear();
  put("b.yaml", volume("2Gi"));
  ASSERT_TRUE(until([&] { return !changes.empty(); }));
  EXPECT_THAT(changes, ElementsAre("default/data"));
}

TEST_F(LocalObjectsTest, ThereAreNoServicesAndNoTokens) {
  start();
  Result<std::vector<objects::ServicePtr>> services = loop.runToEnd(objects->services());
  ASSERT_TRUE(services);
  EXPECT_THAT(*services, IsEmpty());
  EXPECT_FALSE(loop.runToEnd(objects->token({}, "", std::chrono::seconds(600))));
}

}  // namespace
}  // namespace cubelet::staticpods
