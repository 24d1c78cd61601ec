#include "kubelet/config/unimplemented.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "base/files.h"
#include "kubelet/config/fields.h"
#include "kubelet/config/flag_table.h"

namespace cubelet::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Effective loaded(const std::vector<std::string>& args, const std::string& file = "") {
  Environment environment;
  environment.readFile = [&](const std::string&) -> Result<std::string> {
    return std::string("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n") + file;
  };
  environment.workingDirectory = "/";
  environment.hostname = "n";
  auto effective = load(args, environment);
  EXPECT_TRUE(effective) << effective.error().message;
  return effective ? *effective : Effective();
}

// All fields that are no messages, with their paths; of lists and maps the field itself.
void collectLeaves(const google::protobuf::Descriptor* type, const std::string& prefix,
                   std::vector<std::string>& leaves) {
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    bool object = field->message_type() != nullptr && !field->is_repeated() &&
                  !field->message_type()->full_name().starts_with("k8s.meta.v1.");
    if (object)
      collectLeaves(field->message_type(), prefix + field->name() + ".", leaves);
    else
      leaves.push_back(prefix + field->name());
  }
}

TEST(SupportTable, HasEachFieldOnce) {
  std::vector<std::string> leaves;
  collectLeaves(KubeletConfiguration::descriptor(), "", leaves);
  for (const std::string& leaf : leaves) {
    auto covers = [&](const Support& entry) {
      return leaf == entry.name || leaf.starts_with(std::string(entry.name) + ".");
    };
    EXPECT_EQ(std::ranges::count_if(supportTable(), covers), 1) << leaf;
  }
}

TEST(SupportTable, HasEachFlagWithoutAField) {
  std::set<std::string> missing;
  for (const Flag& flag : flagTable())
    if (!std::holds_alternative<ConfigField>(flag.target) && flag.status != FlagStatus::kWithoutEffect)
      missing.insert("--" + std::string(flag.name));
  missing.erase("--help");
  missing.erase("--version");
  for (const Support& entry : supportTable()) missing.erase(std::string(entry.name));
  EXPECT_THAT(missing, IsEmpty());
}

TEST(SupportTable, NamesThingsThatExist) {
  for (const Support& entry : supportTable()) {
    bool isFlag = entry.name.starts_with("--");
    bool exists = isFlag ? std::ranges::find(flagTable(), entry.name.substr(2), &Flag::name) != flagTable().end()
                         : findField(KubeletConfiguration(), entry.name) != nullptr;
    EXPECT_TRUE(exists) << entry.name;
  }
}

TEST(SupportTable, IsTheOneInTheDocumentation) {
  auto text = readFile(CUBELET_SOURCE_DIR "/docs/configuration.md", 1024 * 1024);
  ASSERT_TRUE(text) << text.error().message;
  for (const Support& entry : supportTable()) {
    std::size_t row = text->find("\n| `" + std::string(entry.name) + "` |");
    ASSERT_NE(row, std::string::npos) << entry.name;
    std::string line = text->substr(row + 1, text->find('\n', row + 1) - row - 1);
    EXPECT_TRUE(line.ends_with("| " + std::string(entry.missing) + " |")) << line;
  }
}

TEST(Unimplemented, DefaultsAskForNothing) {
  EXPECT_THAT(unimplemented(loaded({})), IsEmpty());
  EXPECT_THAT(unimplemented(loaded({"--config=/c"})), IsEmpty());
  EXPECT_EQ(unimplementedWarning(loaded({})), "");
}

TEST(Unimplemented, DefaultThatIsWrittenOutAsksForNothing) {
  EXPECT_THAT(unimplemented(loaded({"--config=/c"}, "maxPods: 110\nevictionPressureTransitionPeriod: 5m\n")),
              IsEmpty());
}

TEST(Unimplemented, WhatWorksIsNotNamed) {
  EXPECT_THAT(unimplemented(loaded({"--config=/c", "-v=3", "--root-dir=/r", "--hostname-override=x"},
                                   "staticPodPath: /m\nmaxPods: 5\nseccompDefault: true\nmaxParallelImagePulls: 3\n"
                                   "crashLoopBackOff: {maxContainerRestartPeriod: 10s}\n")),
              IsEmpty());
}

TEST(Unimplemented, WhatHasNoEffectIsNamedWithItsReason) {
  Effective effective = loaded({"--config=/c", "--kubeconfig=/k",
                                "--feature-gates=EventedPLEG=true,EnvFiles=true,"
                                "LocalStorageCapacityIsolationFSQuotaMonitoring=true"},
                               "protectKernelDefaults: true\nenableSystemLogQuery: true\nlogging: {vmodule: "
                               "[{filePattern: a, verbosity: 1}]}\n");
  EXPECT_THAT(unimplemented(effective), ElementsAre("enableSystemLogQuery (questions to the system's journal by HTTPS)",
                                                    HasSubstr("protectKernelDefaults ("),
                                                    HasSubstr("logging.vmodule ("), "featureGates.EventedPLEG"));
  EXPECT_THAT(
      unimplementedWarning(effective),
      HasSubstr("without effect in this version: enableSystemLogQuery (questions to the system's journal by HTTPS), "));
}

}  // namespace
}  // namespace cubelet::config
