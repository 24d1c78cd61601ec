#include "kubelet/server/pod_watch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cubelet::server {
namespace {

core::Pod pod(const std::string& ns, const std::string& name, const std::string& uid, const std::string& phase) {
  core::Pod made;
  made.mutable_metadata()->set_namespace_(ns);
  made.mutable_metadata()->set_name(name);
  made.mutable_metadata()->set_uid(uid);
  made.mutable_status()->set_phase(phase);
  return made;
}

// "ADDED web Running" for each line.
std::vector<std::string> told(const std::string& lines) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
    const auto json = nlohmann::json::parse(lines.substr(at, lines.find('\n', at) - at));
    const auto& object = json["object"];
    EXPECT_EQ(object["kind"], "Pod");
    all.push_back(json["type"].get<std::string>() + " " + object["metadata"]["name"].get<std::string>());
    if (object.contains("status")) all.back() += " " + object["status"].value("phase", "");
  }
  return all;
}

using Lines = std::vector<std::string>;

TEST(PodWatch, TellsWhatIsThereAndThenWhatChanges) {
  PodWatch watch("");
  EXPECT_EQ(watch.changes({}), "");
  std::vector<core::Pod> pods{pod("a", "web", "1", "Pending"), pod("b", "db", "2", "Running")};
  EXPECT_EQ(told(watch.changes(pods)), (Lines{"ADDED web Pending", "ADDED db Running"}));
  EXPECT_EQ(watch.changes(pods), "");
  pods[0].mutable_status()->set_phase("Running");
  EXPECT_EQ(told(watch.changes(pods)), (Lines{"MODIFIED web Running"}));
  pods.erase(pods.begin());
  EXPECT_EQ(told(watch.changes(pods)), (Lines{"DELETED web"}));
  EXPECT_EQ(watch.changes(pods), "");
}

TEST(PodWatch, APodOfTheSameNameIsAnotherOne) {
  PodWatch watch("");
  (void)watch.changes({pod("a", "web", "1", "Running")});
  EXPECT_EQ(told(watch.changes({pod("a", "web", "2", "Pending")})), (Lines{"DELETED web", "ADDED web Pending"}));
}

TEST(PodWatch, TellsOfOneNamespaceOnly) {
  PodWatch watch("b");
  const std::vector<core::Pod> pods{pod("a", "web", "1", "Running"), pod("b", "db", "2", "Running")};
  EXPECT_EQ(told(watch.changes(pods)), (Lines{"ADDED db Running"}));
  EXPECT_EQ(watch.changes({pods[1]}), "");
}

TEST(PodNews, ReachThoseWhoStillListen) {
  PodNews news;
  int first = 0;
  int second = 0;
  PodNews::Subscription one = news.subscribe([&] { ++first; });
  const PodNews::Subscription two = news.subscribe([&] { ++second; });
  news.tell();
  one.reset();
  news.tell();
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 2);
}

}  // namespace
}  // namespace cubelet::server
