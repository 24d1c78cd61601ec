#include "kubelet/hooks/hook_runner.h"

#include <gtest/gtest.h>
#include <optional>

#include "base/async_test.h"
#include "base/http/test_server.h"
#include "base/task_group.h"
#include "cri/fake/fake_runtime.h"

namespace cubelet::hooks {
namespace {

using std::chrono::seconds;

Task<void> runInto(HookRunner* runner, core::LifecycleHandler handler, HookTarget target,
                   std::optional<Result<void>>* out) {
  Result<void> done = co_await runner->run(std::move(handler), std::move(target), [](const std::string&) {});
  out->emplace(std::move(done));
}

struct Hooks : AsyncTest {
  BlockingPool pool{loop, clock, 2};
  cri::FakeRuntime runtime{clock};
  http::Client http{loop, clock, pool};
  HookRunner runner{{.clock = clock, .runtime = runtime, .http = http, .kubernetesVersion = "1.36"}};
  std::vector<std::string> warnings;

  static HookTarget target(const std::string& id = "none") {
    HookTarget out;
    out.containerId = id;
    out.container.set_name("web");
    out.podIp = "127.0.0.1";
    return out;
  }
  Result<void> run(const core::LifecycleHandler& handler, const HookTarget& at) {
    return loop.runToEnd(runner.run(handler, at, [this](const std::string& message) { warnings.push_back(message); }));
  }
  static core::LifecycleHandler get(std::uint16_t port, const std::string& scheme = "HTTP") {
    core::LifecycleHandler handler;
    handler.mutable_httpget()->mutable_port()->set_intval(port);
    handler.mutable_httpget()->set_scheme(scheme);
    handler.mutable_httpget()->set_path("/stop");
    return handler;
  }
  std::string start() {
    runtime.addImage("img");
    cri::v1::PodSandboxConfig sandbox;
    sandbox.mutable_metadata()->set_name("p");
    const std::string sandboxId = loop.runToEnd(runtime.runPodSandbox(sandbox, "")).value();
    cri::v1::ContainerConfig config;
    config.mutable_metadata()->set_name("web");
    config.mutable_image()->set_image("img");
    const std::string id = loop.runToEnd(runtime.createContainer(sandboxId, config, sandbox)).value();
    EXPECT_TRUE(loop.runToEnd(runtime.startContainer(id)));
    return id;
  }
};

TEST_F(Hooks, TRM_7_CommandsNeedToSucceed) {
  const HookTarget at = target(start());
  core::LifecycleHandler handler;
  handler.mutable_exec()->add_command("save");
  std::vector<std::string> ran;
  int code = 0;
  runtime.onExec = [&](const cri::FakeContainer&, const std::vector<std::string>& command) {
    ran = command;
    return cri::FakeExec{.exitCode = code, .output = "secret"};
  };
  EXPECT_TRUE(run(handler, at));
  EXPECT_EQ(ran, std::vector<std::string>{"save"});
  code = 3;
  Result<void> failed = run(handler, at);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "container web: the command of the hook ended with exit code 3");
}

TEST_F(Hooks, TRM_7_AnyHttpAnswerIsASuccess) {
  http::TestServer server(loop, [](const std::string&) { return http::answerWith(500); });
  EXPECT_TRUE(run(get(server.port()), target()));
  EXPECT_NE(server.requests().at(0).find("User-Agent: kube-lifecycle/1.36\r\n"), std::string::npos);
}

TEST_F(Hooks, TRM_7_NoAnswerIsAFailure) {
  std::uint16_t port = 0;
  {
    http::TestServer server(loop, [](const std::string&) { return http::okAnswer(); });
    port = server.port();
  }
  EXPECT_FALSE(run(get(port), target()));
}

TEST_F(Hooks, TRM_7_HttpsNeedsNoTrust) {
  http::TestServer server(loop, [](const std::string&) { return http::okAnswer(); }, http::TestServer::Kind::kTls);
  EXPECT_TRUE(run(get(server.port(), "HTTPS"), target()));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(Hooks, TRM_7_HttpsAnsweredInPlainHttpIsRepeatedWithoutCredentials) {
  // Answers whatever comes, also the greeting of TLS.
  http::TestServer server(loop, [](const std::string&) { return http::okAnswer(); });
  server.answerAnything();
  core::LifecycleHandler handler = get(server.port(), "HTTPS");
  core::HTTPHeader* secret = handler.mutable_httpget()->add_httpheaders();
  secret->set_name("authorization");
  secret->set_value("Bearer x");
  core::HTTPHeader* other = handler.mutable_httpget()->add_httpheaders();
  other->set_name("X-A");
  other->set_value("1");
  EXPECT_TRUE(run(handler, target()));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings.front().find("host=\"127.0.0.1:" + std::to_string(server.port()) + "\""), std::string::npos);
  const std::string& last = server.requests().back();
  EXPECT_EQ(last.find("Bearer"), std::string::npos);
  EXPECT_NE(last.find("X-A: 1\r\n"), std::string::npos);
}

TEST_F(Hooks, TRM_7_SleepTakesItsTime) {
  core::LifecycleHandler handler;
  handler.mutable_sleep()->set_seconds(3);
  std::optional<Result<void>> done;
  TaskGroup tasks(loop);
  tasks.spawn("hook", runInto(&runner, handler, target(), &done));
  clock.advance(seconds(2));
  EXPECT_FALSE(done);
  clock.advance(seconds(1));
  ASSERT_TRUE(done);
  EXPECT_TRUE(*done);
  handler.mutable_sleep()->set_seconds(0);
  EXPECT_TRUE(run(handler, target()));
}

TEST_F(Hooks, TRM_7_TcpSocketAlwaysFails) {
  core::LifecycleHandler handler;
  handler.mutable_tcpsocket();
  EXPECT_FALSE(run(handler, target()));
}

}  // namespace
}  // namespace cubelet::hooks
