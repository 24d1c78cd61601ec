#include "kubelet/client/client.h"

#include <gmock/gmock.h>
#include <string>
#include <vector>

#include "kubelet/client/client_test.h"

namespace cubelet::client {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(Client, WithoutAnAgentItSaysWhatToDo) {
  EXPECT_EQ(run({"pods"}), kUnreachable);
  EXPECT_THAT(err.str(), StartsWith("cubelet: no agent listens on " + options.path));
  EXPECT_THAT(err.str(), HasSubstr("systemctl start cubelet"));
}

TEST_F(Client, WithoutPermissionItSaysWhatToDo) {
  options.allow = [](const server::Peer&) { return false; };
  serve();
  EXPECT_EQ(run({"pods"}), kUnreachable);
  EXPECT_THAT(err.str(), HasSubstr("run this command as root"));
}

TEST_F(Client, WrongUsageHasItsOwnExitCode) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"logs"},
                                               {"pods", "-o", "xml"},
                                               {"pods", "--nothing"},
                                               {"logs", "web", "--tail", "-1"},
                                               {"logs", "web", "--since", "soon"}}) {
    EXPECT_EQ(run(args), kUsage) << args[0];
    EXPECT_NE(err.str(), "");
    EXPECT_EQ(text(), "");
  }
}

TEST_F(Client, EveryCommandHasHelp) {
  for (const CommandInfo& command : clientCommands()) {
    EXPECT_EQ(run({std::string(command.name), "--help"}), kDone);
    EXPECT_THAT(text(), HasSubstr("--socket")) << command.name;
    EXPECT_TRUE(isClientCommand(command.name));
  }
  EXPECT_FALSE(isClientCommand("--config"));
}

TEST_F(Client, ReachesASocketWithALongPath) {
  options.path = directory + "/" + std::string(120, 'd') + "/cubelet.sock";
  serve();
  EXPECT_EQ(run({"version"}), kDone) << err.str();
}

TEST_F(Client, VersionTellsBothSides) {
  serve();
  EXPECT_EQ(run({"version"}), kDone);
  EXPECT_EQ(text(), "command: cubelet 0.2.0\nagent:   cubelet 0.1.0 (Kubernetes v1.36.0)\n");
}

TEST(UrlEscape, LeavesOnlySafeCharacters) {
  EXPECT_EQ(urlEscape("shop/web a-1.~"), "shop%2Fweb%20a-1.~");
}

}  // namespace
}  // namespace cubelet::client
