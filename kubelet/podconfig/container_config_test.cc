#include "kubelet/podconfig/container_config.h"

#include <string>

#include "kubelet/podconfig/config_test.h"

namespace cubelet::podconfig {
namespace {

TEST_F(PodConfig, EPH_2_ATargetGivesItsProcessesUnlessThePodSharesThem) {
  inputs.namespaces.targetContainerId = "c1";
  const auto options = [&] {
    return makeContainerConfig(pod, container, inputs, node)->linux().security_context().namespace_options();
  };
  EXPECT_EQ(options().pid(), cri::v1::TARGET);
  EXPECT_EQ(options().target_id(), "c1");
  pod.mutable_spec()->set_shareprocessnamespace(true);
  EXPECT_EQ(options().pid(), cri::v1::POD);
  EXPECT_EQ(options().target_id(), "");
  pod.mutable_spec()->set_hostpid(true);
  EXPECT_EQ(options().pid(), cri::v1::NODE);
}

TEST_F(PodConfig, ContainerLabelsAndAnnotationsAreUpstreams) {
  auto* port = container.add_ports();
  port->set_containerport(80);
  port->set_protocol("TCP");
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->labels_size(), 4);
  EXPECT_EQ(config->labels().at("io.kubernetes.container.name"), "web");
  const auto& annotations = config->annotations();
  EXPECT_EQ(annotations.at("io.kubernetes.container.restartCount"), "0");
  EXPECT_EQ(annotations.at("io.kubernetes.container.terminationMessagePath"), "/dev/termination-log");
  EXPECT_EQ(annotations.at("io.kubernetes.container.terminationMessagePolicy"), "File");
  EXPECT_EQ(annotations.at("io.kubernetes.pod.terminationGracePeriod"), "30");
  EXPECT_EQ(annotations.at("io.kubernetes.container.ports"), R"([{"containerPort":80,"protocol":"TCP"}])");
  EXPECT_EQ(annotations.count("io.kubernetes.pod.deletionGracePeriod"), 0u);
  EXPECT_FALSE(annotations.at("io.kubernetes.container.hash").empty());
}

TEST_F(PodConfig, StopSignalsHaveTheRuntimesNames) {
  const auto signalOf = [&](const std::string& name) {
    container.mutable_lifecycle()->set_stopsignal(name);
    return makeContainerConfig(pod, container, inputs, node).value().stop_signal();
  };
  EXPECT_EQ(makeContainerConfig(pod, container, inputs, node).value().stop_signal(), cri::v1::SIGNAL_RUNTIME_DEFAULT);
  EXPECT_EQ(signalOf("SIGUSR1"), cri::v1::SIGNAL_SIGUSR1);
  EXPECT_EQ(signalOf("SIGRTMIN+3"), cri::v1::SIGNAL_SIGRTMINPLUS3);
  EXPECT_EQ(signalOf("SIGRTMAX-2"), cri::v1::SIGNAL_SIGRTMAXMINUS2);
  EXPECT_EQ(signalOf("nonsense"), cri::v1::SIGNAL_RUNTIME_DEFAULT);
}

TEST_F(PodConfig, CFG_25_ImageIsTheResolvedReference) {
  inputs.attempt = 3;
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->image().image(), "sha256:abc");
  EXPECT_EQ(config->image().user_specified_image(), "busybox:1");
  EXPECT_EQ(config->log_path(), "web/3.log");
  EXPECT_EQ(config->metadata().attempt(), 3u);
}

TEST_F(PodConfig, CFG_3_CommandSeesTheFinalEnvironment) {
  auto* variable = container.add_env();
  variable->set_name("WHO");
  variable->set_value("you");
  container.add_command("echo");
  container.add_args("$(WHO)");
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->command(0), "echo");
  EXPECT_EQ(config->args(0), "you");
}

TEST_F(PodConfig, CFG_13_WorkingDirectoryStdinAndTerminal) {
  const auto plain = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->working_dir(), "");
  EXPECT_FALSE(plain->stdin() || plain->stdin_once() || plain->tty());
  container.set_workingdir("/srv");
  container.set_stdin(true);
  container.set_stdinonce(true);
  container.set_tty(true);
  const auto config = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->working_dir(), "/srv");
  EXPECT_TRUE(config->stdin() && config->stdin_once() && config->tty());
}

TEST_F(PodConfig, SEC_16_WindowsOptionsChangeNothing) {
  const auto before = makeContainerConfig(pod, container, inputs, node);
  container.mutable_securitycontext()->mutable_windowsoptions()->set_runasusername("Administrator");
  pod.mutable_spec()->mutable_securitycontext()->mutable_windowsoptions()->set_hostprocess(true);
  const auto after = makeContainerConfig(pod, container, inputs, node);
  ASSERT_TRUE(before && after);
  EXPECT_EQ(after->linux().DebugString(), before->linux().DebugString());
}

}  // namespace
}  // namespace cubelet::podconfig
