#include "kubelet/podconfig/environment.h"

#include <gtest/gtest.h>

namespace cubelet::podconfig {
namespace {

const Environment kVariables = {{"NAME", "web"}, {"EMPTY", ""}, {"NESTED", "$(NAME)"}};

struct ExpandCase {
  std::string name;
  std::string text;
  std::string want;
};

class CFG_2_Expand : public testing::TestWithParam<ExpandCase> {};

TEST_P(CFG_2_Expand, Answers) {
  EXPECT_EQ(expand(GetParam().text, kVariables), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CFG_2_Expand,
    testing::Values(ExpandCase{"Known", "hello $(NAME)!", "hello web!"}, ExpandCase{"Empty", "[$(EMPTY)]", "[]"},
                    ExpandCase{"UnknownStays", "$(NOPE)", "$(NOPE)"}, ExpandCase{"Escaped", "$$(NAME)", "$(NAME)"},
                    ExpandCase{"EscapedTwice", "$$$(NAME)", "$web"}, ExpandCase{"DoubleDollar", "a$$b", "a$b"},
                    ExpandCase{"ShellSyntaxStays", "$NAME ${NAME}", "$NAME ${NAME}"},
                    ExpandCase{"Unclosed", "$(NAME", "$(NAME"}, ExpandCase{"LastDollar", "cost: 5$", "cost: 5$"},
                    ExpandCase{"NotAgain", "$(NESTED)", "$(NAME)"}),
    [](const auto& test) { return test.param.name; });

core::EnvVar variable(const std::string& name, const std::string& value) {
  core::EnvVar out;
  out.set_name(name);
  out.set_value(value);
  return out;
}

struct Fixture : testing::Test {
  Fixture() {
    pod.mutable_metadata()->set_name("web-n1");
    pod.mutable_metadata()->set_namespace_("prod");
    pod.mutable_metadata()->set_uid("u1");
    (*pod.mutable_metadata()->mutable_labels())["app"] = "shop";
    (*pod.mutable_metadata()->mutable_annotations())["team/owner"] = "ops";
    pod.mutable_spec()->set_serviceaccountname("sa");
    node.nodeName = "n1";
    node.hostIps = {"10.0.0.1", "fd00::1"};
    node.milliCpu = 4000;
    node.memoryBytes = 8LL << 30;
    node.ephemeralStorageBytes = 512LL << 20;
  }
  Result<Environment> make() { return makeEnvironment(pod, container, node, {"10.1.0.5"}, references); }
  core::Pod pod;
  core::Container container;
  NodeFacts node;
  References references;
};

using CFG_3_Environment = Fixture;

TEST_F(CFG_3_Environment, SeesOnlyWhatWasDeclaredBefore) {
  *container.add_env() = variable("A", "1");
  *container.add_env() = variable("B", "$(A)$(C)");
  *container.add_env() = variable("C", "3");
  EXPECT_EQ(*make(), (Environment{{"A", "1"}, {"B", "1$(C)"}, {"C", "3"}}));
}

TEST_F(CFG_3_Environment, CFG_4_LastDuplicateWins) {
  *container.add_env() = variable("A", "1");
  *container.add_env() = variable("A", "2");
  EXPECT_EQ(*make(), (Environment{{"A", "2"}}));
}

TEST_F(CFG_3_Environment, UnsupportedReferenceNamesTheVariable) {
  core::EnvVar* unknown = container.add_env();
  unknown->set_name("PASSWORD");
  unknown->mutable_valuefrom();
  Result<Environment> made = make();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().reason, "CreateContainerConfigError");
  EXPECT_NE(made.error().message.find("PASSWORD"), std::string::npos);
}

// ---- Files

struct CFG_10_Files : Fixture {
  core::FileKeySelector* addReference(const std::string& key) {
    core::EnvVar* variable = container.add_env();
    variable->set_name("V");
    auto* selector = variable->mutable_valuefrom()->mutable_filekeyref();
    selector->set_volumename("vars");
    selector->set_path("file.env");
    selector->set_key(key);
    return selector;
  }
};

TEST_F(CFG_10_Files, TheValueComesFromTheFile) {
  addReference("color");
  EXPECT_EQ(environmentFiles(container), (std::set<FileNeed>{{"vars", "file.env"}}));
  references.files.emplace(FileNeed{"vars", "file.env"}, "color='$(HOME) red'\n");
  EXPECT_EQ(*make(), (Environment{{"V", "$(HOME) red"}}));
}

TEST_F(CFG_10_Files, ErrorsSayWhichFileAndNeverQuoteIt) {
  auto* selector = addReference("color");
  EXPECT_EQ(make().error().message, "cannot find the volume \"vars\" referenced by FileKeyRef");
  auto& file = references.files.emplace(FileNeed{"vars", "file.env"}, "color=secret\n").first->second;
  EXPECT_EQ(
      make().error().message,
      "couldn't parse env file file.env in volume vars: invalid environment variable format at line 1: value must "
      "be enclosed in single quotes");
  EXPECT_EQ(make().error().reason, "CreateContainerConfigError");
  file = "size='3'\n";
  EXPECT_EQ(make().error().message, "environment variable key \"color\" not found in file \"file.env\"");
  file = fail(Code::kNotFound, "", "open file.env: no such file");
  EXPECT_EQ(make().error().message, "open file.env: no such file");
  selector->set_optional(true);
  EXPECT_FALSE(make()) << "a file that is not there is an error even so";
  file = "size='3'\n";
  EXPECT_EQ(*make(), Environment{});
}

// ---- ConfigMaps and Secrets

struct CFG_5_Objects : Fixture {
  CFG_5_Objects() {
    core::ConfigMap settings;
    (*settings.mutable_data())["COLOR"] = "red";
    (*settings.mutable_data())["app.level-1"] = "$(COLOR)";
    (*settings.mutable_binarydata())["BLOB"] = "x";
    references.configMaps["settings"] = std::make_shared<const core::ConfigMap>(settings);
    core::Secret login;
    (*login.mutable_data())["PASSWORD"] = "hidden";
    (*login.mutable_data())["COLOR"] = "secret red";
    references.secrets["login"] = std::make_shared<const core::Secret>(login);
  }
  core::ConfigMapKeySelector* fromConfigMap(const std::string& variable, const std::string& name,
                                            const std::string& key) {
    core::EnvVar* added = container.add_env();
    added->set_name(variable);
    auto* selector = added->mutable_valuefrom()->mutable_configmapkeyref();
    selector->mutable_localobjectreference()->set_name(name);
    selector->set_key(key);
    return selector;
  }
  core::SecretKeySelector* fromSecret(const std::string& variable, const std::string& name, const std::string& key) {
    core::EnvVar* added = container.add_env();
    added->set_name(variable);
    auto* selector = added->mutable_valuefrom()->mutable_secretkeyref();
    selector->mutable_localobjectreference()->set_name(name);
    selector->set_key(key);
    return selector;
  }
  core::ConfigMapEnvSource* allOf(const std::string& name, const std::string& prefix = "") {
    core::EnvFromSource* from = container.add_envfrom();
    from->set_prefix(prefix);
    from->mutable_configmapref()->mutable_localobjectreference()->set_name(name);
    return from->mutable_configmapref();
  }
  core::SecretEnvSource* allOfSecret(const std::string& name, const std::string& prefix = "") {
    core::EnvFromSource* from = container.add_envfrom();
    from->set_prefix(prefix);
    from->mutable_secretref()->mutable_localobjectreference()->set_name(name);
    return from->mutable_secretref();
  }
  void service(const std::string& ns, const std::string& name, const std::string& address) {
    core::Service one;
    one.mutable_metadata()->set_namespace_(ns);
    one.mutable_metadata()->set_name(name);
    one.mutable_spec()->set_clusterip(address);
    references.services.push_back(std::make_shared<const core::Service>(one));
  }
  std::string failure() {
    Result<Environment> made = make();
    if (made) return "";
    EXPECT_EQ(made.error().reason, "CreateContainerConfigError");
    EXPECT_EQ(made.error().code, Code::kNotFound);
    return made.error().message;
  }
};

TEST_F(CFG_5_Objects, KeysBecomeValues) {
  fromConfigMap("A", "settings", "COLOR");
  fromSecret("B", "login", "PASSWORD");
  *container.add_env() = variable("C", "$(A) $(B)");
  EXPECT_EQ(*make(), (Environment{{"A", "red"}, {"B", "hidden"}, {"C", "red hidden"}}));
}

TEST_F(CFG_5_Objects, ValuesOfObjectsAreNotExpanded) {
  fromConfigMap("A", "settings", "app.level-1");
  EXPECT_EQ(*make(), (Environment{{"A", "$(COLOR)"}}));
}

TEST_F(CFG_5_Objects, CFG_6_WhatIsMissingIsNamed) {
  fromConfigMap("A", "x", "k");
  EXPECT_EQ(failure(), "configmap \"x\" not found");
  container.clear_env();
  fromConfigMap("A", "settings", "k");
  EXPECT_EQ(failure(), "couldn't find key k in ConfigMap prod/settings");
  container.clear_env();
  fromSecret("A", "x", "k");
  EXPECT_EQ(failure(), "secret \"x\" not found");
  container.clear_env();
  fromSecret("A", "login", "k");
  EXPECT_EQ(failure(), "couldn't find key k in Secret prod/login");
  container.clear_env();
  allOf("x");
  EXPECT_EQ(failure(), "configmap \"x\" not found");
  container.clear_envfrom();
  allOfSecret("x");
  EXPECT_EQ(failure(), "secret \"x\" not found");
}

TEST_F(CFG_5_Objects, BinaryDataIsNoText) {
  fromConfigMap("A", "settings", "BLOB");
  EXPECT_EQ(failure(), "couldn't find key BLOB in ConfigMap prod/settings");
}

TEST_F(CFG_5_Objects, WhatIsOptionalIsLeftOut) {
  fromConfigMap("A", "x", "k")->set_optional(true);
  fromConfigMap("B", "settings", "k")->set_optional(true);
  fromSecret("C", "x", "k")->set_optional(true);
  fromSecret("D", "login", "k")->set_optional(true);
  allOf("x")->set_optional(true);
  allOfSecret("x")->set_optional(true);
  EXPECT_EQ(*make(), Environment{});
}

TEST_F(CFG_5_Objects, AnOptionalValueThatIsMissingKeepsTheOneBefore) {
  *container.add_env() = variable("A", "default");
  fromConfigMap("A", "x", "k")->set_optional(true);
  EXPECT_EQ(*make(), (Environment{{"A", "default"}}));
}

TEST_F(CFG_5_Objects, EnvFromTakesAllKeysWithAPrefix) {
  allOf("settings", "CFG_");
  allOfSecret("login");
  *container.add_env() = variable("X", "$(CFG_COLOR)");
  EXPECT_EQ(*make(), (Environment{{"CFG_COLOR", "red"},
                                  {"CFG_app.level-1", "$(COLOR)"},
                                  {"COLOR", "secret red"},
                                  {"PASSWORD", "hidden"},
                                  {"X", "red"}}));
}

TEST_F(CFG_5_Objects, CFG_4_EnvWinsOverEnvFromAndThatOverServices) {
  service("prod", "db", "10.0.0.7");
  core::ConfigMap more;
  (*more.mutable_data())["COLOR"] = "blue";
  (*more.mutable_data())["DB_SERVICE_HOST"] = "elsewhere";
  references.configMaps["more"] = std::make_shared<const core::ConfigMap>(more);
  allOf("settings");
  allOf("more");
  EXPECT_EQ(*make(), (Environment{{"COLOR", "blue"}, {"app.level-1", "$(COLOR)"}, {"DB_SERVICE_HOST", "elsewhere"}}));
  *container.add_env() = variable("COLOR", "green");
  EXPECT_EQ(make()->front(), (std::pair<std::string, std::string>("COLOR", "green")));
}

TEST_F(CFG_5_Objects, CFG_3_ValuesSeeServices) {
  service("prod", "db", "10.0.0.7");
  *container.add_env() = variable("A", "http://$(DB_SERVICE_HOST)");
  EXPECT_EQ(*make(), (Environment{{"A", "http://10.0.0.7"}, {"DB_SERVICE_HOST", "10.0.0.7"}}));
}

TEST_F(CFG_5_Objects, CFG_11_WithoutServiceLinksOnlyTheMasterIsThere) {
  service("prod", "db", "10.0.0.7");
  service("default", "kubernetes", "10.0.0.1");
  pod.mutable_spec()->set_enableservicelinks(false);
  EXPECT_EQ(*make(), (Environment{{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}}));
}

TEST_F(CFG_5_Objects, KeysThatNameNoVariableAreLeftOutAndTold) {
  core::ConfigMap odd;
  (*odd.mutable_data())["b=c"] = "1";
  (*odd.mutable_data())["a\n"] = "2";
  (*odd.mutable_data())["GOOD"] = "3";
  references.configMaps["odd"] = std::make_shared<const core::ConfigMap>(odd);
  allOf("odd", "P_");
  allOfSecret("login");
  EXPECT_EQ(make()->front(), (std::pair<std::string, std::string>("P_GOOD", "3")));
  EXPECT_EQ(make()->size(), 3u);
  EXPECT_EQ(invalidNames(pod, container, references),
            std::vector<std::string>{"Keys [P_a\n, P_b=c] from the EnvFrom configMap prod/odd were skipped since they "
                                     "are considered invalid environment variable names."});
}

TEST_F(CFG_5_Objects, NeedsAreListedOnceInOrder) {
  fromConfigMap("A", "settings", "k")->set_optional(true);
  fromConfigMap("B", "settings", "k");
  fromSecret("C", "settings", "k")->set_optional(true);
  allOfSecret("login");
  using Kind = ObjectNeed::Kind;
  EXPECT_EQ(environmentNeeds(container), (std::vector<ObjectNeed>{{Kind::kSecret, "login", false},
                                                                  {Kind::kConfigMap, "settings", false},
                                                                  {Kind::kSecret, "settings", true}}));
}

struct FieldCase {
  std::string name;
  std::string path;
  std::string want;
};

class CFG_8_Fields : public Fixture, public testing::WithParamInterface<FieldCase> {};

TEST_P(CFG_8_Fields, Answer) {
  EXPECT_EQ(*fieldValue(pod, node, {"10.1.0.5", "fd00::5"}, GetParam().path), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CFG_8_Fields,
    testing::Values(
        FieldCase{"Name", "metadata.name", "web-n1"}, FieldCase{"Namespace", "metadata.namespace", "prod"},
        FieldCase{"Uid", "metadata.uid", "u1"}, FieldCase{"Label", "metadata.labels['app']", "shop"},
        FieldCase{"MissingLabel", "metadata.labels['none']", ""},
        FieldCase{"Annotation", "metadata.annotations['team/owner']", "ops"}, FieldCase{"Node", "spec.nodeName", "n1"},
        FieldCase{"NodesOldName", "spec.host", "n1"}, FieldCase{"Account", "spec.serviceAccountName", "sa"},
        FieldCase{"HostIp", "status.hostIP", "10.0.0.1"}, FieldCase{"HostIps", "status.hostIPs", "10.0.0.1,fd00::1"},
        FieldCase{"PodIp", "status.podIP", "10.1.0.5"}, FieldCase{"PodIps", "status.podIPs", "10.1.0.5,fd00::5"}),
    [](const auto& test) { return test.param.name; });

TEST_F(CFG_8_Fields, UnknownFieldIsRefused) {
  EXPECT_FALSE(fieldValue(pod, node, {}, "spec.containers"));
  EXPECT_FALSE(fieldValue(pod, node, {}, "metadata.labels[app]"));
}

struct ResourceCase {
  std::string name;
  std::string resource;
  std::string divisor;
  std::string want;
};

class CFG_9_Resources : public Fixture, public testing::WithParamInterface<ResourceCase> {};

TEST_P(CFG_9_Resources, Answer) {
  (*container.mutable_resources()->mutable_limits())["cpu"].set_string("250m");
  (*container.mutable_resources()->mutable_requests())["memory"].set_string("64Mi");
  core::ResourceFieldSelector selector;
  selector.set_resource(GetParam().resource);
  if (!GetParam().divisor.empty()) selector.mutable_divisor()->set_string(GetParam().divisor);
  EXPECT_EQ(*resourceValue(pod, container, node, selector), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Cases, CFG_9_Resources,
                         testing::Values(ResourceCase{"CpuRoundsUp", "limits.cpu", "", "1"},
                                         ResourceCase{"CpuInMilli", "limits.cpu", "1m", "250"},
                                         ResourceCase{"Memory", "requests.memory", "", "67108864"},
                                         ResourceCase{"MemoryInMi", "requests.memory", "1Mi", "64"},
                                         ResourceCase{"MissingLimitIsTheNode", "limits.memory", "1Gi", "8"},
                                         ResourceCase{"MissingStorageIsTheNode", "limits.ephemeral-storage", "1Mi",
                                                      "512"},
                                         ResourceCase{"MissingHugePagesAreNone", "limits.hugepages-2Mi", "", "0"},
                                         ResourceCase{"MissingRequestIsZero", "requests.cpu", "", "0"}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::podconfig
