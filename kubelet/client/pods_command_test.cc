#include <functional>
#include <gmock/gmock.h>
#include <string>

#include <nlohmann/json.hpp>

#include "kubelet/client/client_test.h"

namespace cubelet::client {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(Client, PodsPrintsATable) {
  addRunningPod("default", "web");
  addRunningPod("shop", "db");
  serve();
  EXPECT_EQ(run({"pods"}), kDone) << err.str();
  EXPECT_EQ(text(),
            "NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE\n"
            "default     web    1/1     Running   0          <unknown>\n"
            "shop        db     1/1     Running   0          <unknown>\n");
  EXPECT_EQ(run({"pods", "-n", "shop"}), kDone);
  EXPECT_THAT(text(), Not(HasSubstr("web")));
  EXPECT_EQ(run({"pods", "-o", "wide"}), kDone);
  EXPECT_THAT(text(), HasSubstr("IP"));
}

TEST_F(Client, PodsPrintsJsonAndYaml) {
  addRunningPod("default", "web");
  serve();
  EXPECT_EQ(run({"pods", "-o", "json"}), kDone) << err.str();
  auto list = nlohmann::json::parse(text());
  EXPECT_EQ(list["kind"], "PodList");
  EXPECT_EQ(list["items"][0]["status"]["containerStatuses"][0]["state"]["running"]["startedAt"],
            "2027-01-15T08:00:00Z");
  EXPECT_EQ(run({"pods", "-o", "yaml"}), kDone);
  EXPECT_THAT(text(), HasSubstr("kind: PodList"));
}

TEST_F(Client, PodsWatchPrintsEachChangeUntilTheAgentGoes) {
  addRunningPod("default", "web");
  serve();
  const auto change = [this](const std::function<void()>& fn) {
    onAgent([&] {
      fn();
      view.news.tell();
    });
  };
  int step = 0;
  out.onFlush = [&](const std::string& text) {
    if (step == 0 && text.find("web") != std::string::npos) {
      ++step;
      change([this] { (*view.podList[0].mutable_metadata()->mutable_labels())["a"] = "b"; });  // in no column
      change([this] { view.podList[0].mutable_status()->set_reason("Evicted"); });
    } else if (step == 1 && text.find("Evicted") != std::string::npos) {
      ++step;
      change([this] { view.podList.clear(); });
    } else if (step == 2 && text.find("Deleted") != std::string::npos) {
      ++step;
      loop.post([this] { closing.set_value(); });
    }
  };
  EXPECT_EQ(run({"pods", "-w"}), kUnreachable);
  thread.join();
  EXPECT_EQ(
      text(),
      "NAMESPACE      NAME                                   READY   STATUS              RESTARTS       AGE\n"
      "default        web                                    1/1     Running             0              <unknown>\n"
      "default        web                                    1/1     Evicted             0              <unknown>\n"
      "default        web                                    -       Deleted             -              -\n");
  EXPECT_THAT(err.str(), HasSubstr("the agent at " + options.path + " ended the connection"));
}

TEST_F(Client, PodsWatchPrintsJson) {
  addRunningPod("default", "web");
  addRunningPod("shop", "db");
  serve();
  out.onFlush = [&](const std::string& text) {
    if (text.ends_with("}\n")) outStream.setstate(std::ios::badbit);  // as when its reader hangs up
  };
  EXPECT_EQ(run({"pods", "-w", "-n", "shop", "-o", "json"}), kDone) << err.str();
  const auto json = nlohmann::json::parse(text());
  EXPECT_EQ(json["type"], "ADDED");
  EXPECT_EQ(json["object"]["metadata"]["name"], "db");
  EXPECT_EQ(run({"pods", "-w", "-o", "yaml"}), kUsage);
  EXPECT_THAT(err.str(), HasSubstr("not yaml"));
}

TEST_F(Client, PodsOfABareNodeSaysSo) {
  serve();
  EXPECT_EQ(run({"pods"}), kDone);
  EXPECT_EQ(text(), "");
  EXPECT_EQ(err.str(), "no pods\n");
}

}  // namespace
}  // namespace cubelet::client
