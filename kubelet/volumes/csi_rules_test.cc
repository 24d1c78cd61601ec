#include "kubelet/volumes/csi_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "csi/volumes/paths.h"

namespace cubelet::volumes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

VolumeRequest inlineRequest() {
  VolumeRequest request;
  request.pod.mutable_metadata()->set_uid("u1");
  request.pod.mutable_metadata()->set_name("web");
  request.pod.mutable_metadata()->set_namespace_("default");
  request.pod.mutable_spec()->set_serviceaccountname("sa");
  request.volume.set_name("v");
  core::CSIVolumeSource* source = request.volume.mutable_volumesource()->mutable_csi();
  source->set_driver("d");
  source->set_fstype("ext4");
  (*source->mutable_volumeattributes())["a"] = "b";
  return request;
}

core::PersistentVolume persistentVolume() {
  core::PersistentVolume volume;
  volume.mutable_metadata()->set_name("pv");
  core::PersistentVolumeSpec* spec = volume.mutable_spec();
  spec->add_accessmodes("ReadWriteOnce");
  spec->add_accessmodes("ReadOnlyMany");
  spec->add_mountoptions("noatime");
  core::CSIPersistentVolumeSource* source = spec->mutable_persistentvolumesource()->mutable_csi();
  source->set_driver("d");
  source->set_volumehandle("h");
  source->set_fstype("ext4");
  (*source->mutable_volumeattributes())["a"] = "b";
  return volume;
}

VolumeRequest persistentRequest(core::PersistentVolume volume = persistentVolume()) {
  VolumeRequest request = inlineRequest();
  request.volume.clear_volumesource();
  request.volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_claimname("data");
  request.persistent = std::make_shared<const core::PersistentVolume>(std::move(volume));
  return request;
}

storage::CSIDriver driverObject(std::vector<std::string> modes = {"Persistent", "Ephemeral"}) {
  storage::CSIDriver driver;
  for (const std::string& mode : modes) driver.mutable_spec()->add_volumelifecyclemodes(mode);
  return driver;
}

TEST(CsiRules, CSI_7_APersistentVolumeSaysWhatIsMounted) {
  const CsiRequest made = csiRequest(persistentRequest(), nullptr).value();
  EXPECT_EQ(made.spec.driver, "d");
  EXPECT_EQ(made.spec.handle, "h");
  EXPECT_EQ(made.spec.name, "pv");
  EXPECT_EQ(made.spec.fsType, "ext4");
  EXPECT_EQ(made.spec.accessMode, "ReadWriteOnce");
  EXPECT_THAT(made.spec.mountOptions, ElementsAre("noatime"));
  EXPECT_THAT(made.spec.attributes, ElementsAre(testing::Pair("a", "b")));
  EXPECT_FALSE(made.spec.block || made.spec.ephemeral || made.use.readOnly || made.use.podInfoOnMount);
  EXPECT_EQ(made.use.uid, "u1");
  EXPECT_EQ(made.use.name, "web");
  EXPECT_EQ(made.use.ns, "default");
  EXPECT_EQ(made.use.serviceAccount, "sa");
}

TEST(CsiRules, CSI_7_ReadOnlyIsTheClaimsAndNotTheVolumes) {
  core::PersistentVolume volume = persistentVolume();
  volume.mutable_spec()->mutable_persistentvolumesource()->mutable_csi()->set_readonly(true);
  VolumeRequest request = persistentRequest(volume);
  EXPECT_FALSE(csiRequest(request, nullptr)->use.readOnly) << "that one is for the attachment";
  request.volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(true);
  EXPECT_TRUE(csiRequest(request, nullptr)->use.readOnly);
}

TEST(CsiRules, CSI_10_AnInlineVolumeIsThePodsOwn) {
  const storage::CSIDriver driver = driverObject();
  VolumeRequest request = inlineRequest();
  request.volume.mutable_volumesource()->mutable_csi()->set_readonly(true);
  const CsiRequest made = csiRequest(request, &driver).value();
  EXPECT_EQ(made.spec.handle, csi::ephemeralHandle("u1", "v"));
  EXPECT_EQ(made.spec.name, "v");
  EXPECT_EQ(made.spec.fsType, "ext4");
  EXPECT_TRUE(made.spec.ephemeral);
  EXPECT_TRUE(made.use.readOnly);
  EXPECT_FALSE(made.spec.attachable);
  EXPECT_THAT(made.spec.attributes, ElementsAre(testing::Pair("a", "b")));
}

TEST(CsiRules, CSI_10_TheDriverMustBeMeantForTheKindOfVolume) {
  const auto why = [](const VolumeRequest& request, const storage::CSIDriver* driver) {
    Result<CsiRequest> made = csiRequest(request, driver);
    return made ? "" : made.error().message;
  };
  const storage::CSIDriver persistent = driverObject({"Persistent"});
  const storage::CSIDriver ephemeral = driverObject({"Ephemeral"});
  const storage::CSIDriver silent = driverObject({});
  EXPECT_EQ(why(inlineRequest(), nullptr), "volume mode \"Ephemeral\" not supported by driver d (no CSIDriver object)");
  EXPECT_EQ(why(inlineRequest(), &persistent),
            "volume mode \"Ephemeral\" not supported by driver d (only supports [\"Persistent\"])");
  EXPECT_EQ(why(inlineRequest(), &silent),
            "volume mode \"Ephemeral\" not supported by driver d (only supports [\"Persistent\"])");
  EXPECT_EQ(why(inlineRequest(), &ephemeral), "");
  EXPECT_EQ(why(persistentRequest(), &ephemeral),
            "volume mode \"Persistent\" not supported by driver d (only supports [\"Ephemeral\"])");
  EXPECT_EQ(why(persistentRequest(), &silent), "");
}

TEST(CsiRules, CSI_4_IsAttachedUnlessTheDriverSaysThatItNeedsNone) {
  storage::CSIDriver driver = driverObject();
  EXPECT_TRUE(csiRequest(persistentRequest(), nullptr)->spec.attachable);
  EXPECT_TRUE(csiRequest(persistentRequest(), &driver)->spec.attachable);
  driver.mutable_spec()->set_attachrequired(true);
  EXPECT_TRUE(csiRequest(persistentRequest(), &driver)->spec.attachable);
  driver.mutable_spec()->set_attachrequired(false);
  EXPECT_FALSE(csiRequest(persistentRequest(), &driver)->spec.attachable);
}

TEST(CsiRules, CSI_8_PodInformationIsForDriversThatWantIt) {
  storage::CSIDriver driver = driverObject();
  EXPECT_FALSE(csiRequest(inlineRequest(), &driver)->use.podInfoOnMount);
  driver.mutable_spec()->set_podinfoonmount(true);
  EXPECT_TRUE(csiRequest(inlineRequest(), &driver)->use.podInfoOnMount);
}

struct GroupCase {
  std::string name;
  std::string policy;
  bool persistent = true;
  void (*arrange)(VolumeRequest&, core::PersistentVolume&) = [](auto&, auto&) {};
  bool want = false;
};

class CSI_13_FsGroup : public testing::TestWithParam<GroupCase> {};

TEST_P(CSI_13_FsGroup, IsGivenByPolicy) {
  core::PersistentVolume volume = persistentVolume();
  VolumeRequest request = GetParam().persistent ? persistentRequest() : inlineRequest();
  request.pod.mutable_spec()->mutable_securitycontext()->set_fsgroup(42);
  GetParam().arrange(request, volume);
  if (GetParam().persistent) request.persistent = std::make_shared<const core::PersistentVolume>(volume);
  storage::CSIDriver driver = driverObject();
  driver.mutable_spec()->set_fsgrouppolicy(GetParam().policy);
  const CsiRequest made = csiRequest(request, &driver).value();
  EXPECT_EQ(made.fsGroup, GetParam().want);
}

void noFsType(VolumeRequest& request, core::PersistentVolume& volume) {
  volume.mutable_spec()->mutable_persistentvolumesource()->mutable_csi()->clear_fstype();
  if (request.volume.volumesource().has_csi()) request.volume.mutable_volumesource()->mutable_csi()->clear_fstype();
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CSI_13_FsGroup,
    testing::Values(
        GroupCase{.name = "Default", .policy = "", .want = true},
        GroupCase{.name = "NamedDefault", .policy = "ReadWriteOnceWithFSType", .want = true},
        GroupCase{.name = "DefaultWithoutFsType", .policy = "", .arrange = noFsType},
        GroupCase{.name = "DefaultReadWriteMany",
                  .policy = "",
                  .arrange =
                      [](auto&, core::PersistentVolume& volume) {
                        volume.mutable_spec()->clear_accessmodes();
                        volume.mutable_spec()->add_accessmodes("ReadWriteMany");
                      }},
        GroupCase{.name = "DefaultReadWriteOncePod",
                  .policy = "",
                  .arrange =
                      [](auto&, core::PersistentVolume& volume) {
                        volume.mutable_spec()->clear_accessmodes();
                        volume.mutable_spec()->add_accessmodes("ReadWriteOncePod");
                      },
                  .want = true},
        GroupCase{.name = "DefaultInline", .policy = "", .persistent = false, .want = true},
        GroupCase{.name = "File", .policy = "File", .arrange = noFsType, .want = true},
        GroupCase{.name = "None", .policy = "None"},
        GroupCase{.name = "ReadOnly",
                  .policy = "File",
                  .arrange =
                      [](VolumeRequest& request, auto&) {
                        request.volume.mutable_volumesource()->mutable_persistentvolumeclaim()->set_readonly(true);
                      }},
        GroupCase{
            .name = "Block",
            .policy = "File",
            .arrange = [](auto&, core::PersistentVolume& volume) { volume.mutable_spec()->set_volumemode("Block"); }},
        GroupCase{
            .name = "NoGroup",
            .policy = "File",
            .arrange = [](VolumeRequest& request, auto&) { request.pod.mutable_spec()->clear_securitycontext(); }}),
    [](const auto& test) { return test.param.name; });

TEST(CsiRules, CSI_9_TokensAreThoseThatTheDriverWants) {
  EXPECT_TRUE(csiTokens(nullptr).empty());
  storage::CSIDriver driver = driverObject();
  driver.mutable_spec()->add_tokenrequests()->set_audience("vault");
  driver.mutable_spec()->add_tokenrequests()->set_expirationseconds(600);
  const std::vector<CsiToken> tokens = csiTokens(&driver);
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0].audience, "vault");
  EXPECT_EQ(tokens[0].life, std::chrono::hours(1));
  EXPECT_EQ(tokens[1].audience, "");
  EXPECT_EQ(tokens[1].life, std::chrono::minutes(10));
  objects::Token token;
  token.text = "t";
  token.expires = WallTime(std::chrono::seconds(1'800'000'000));
  EXPECT_EQ(tokensJson({{"vault", token}}), R"({"vault":{"expirationTimestamp":"2027-01-15T08:00:00Z","token":"t"}})");
}

TEST(CsiRules, CSI_7_SecretsGoWithTheirCalls) {
  EXPECT_THAT(csiSecrets(persistentRequest()), IsEmpty());
  core::PersistentVolume volume = persistentVolume();
  core::CSIPersistentVolumeSource* source = volume.mutable_spec()->mutable_persistentvolumesource()->mutable_csi();
  source->mutable_nodestagesecretref()->set_namespace_("vault");
  source->mutable_nodestagesecretref()->set_name("stage");
  source->mutable_nodepublishsecretref()->set_namespace_("vault");
  source->mutable_nodepublishsecretref()->set_name("publish");
  source->mutable_nodeexpandsecretref()->set_namespace_("vault");
  source->mutable_nodeexpandsecretref()->set_name("expand");
  const VolumeRequest request = persistentRequest(volume);
  CsiRequest made = csiRequest(request, nullptr).value();
  for (const CsiSecret& secret : csiSecrets(request)) {
    EXPECT_EQ(secret.ns, "vault");
    core::Secret content;
    (*content.mutable_data())["key"] = "of " + secret.name;
    addSecret(made, secret.use, content);
  }
  EXPECT_THAT(made.spec.stageSecrets, ElementsAre(testing::Pair("key", "of stage")));
  EXPECT_THAT(made.use.publishSecrets, ElementsAre(testing::Pair("key", "of publish")));
  EXPECT_THAT(made.spec.expandSecrets, ElementsAre(testing::Pair("key", "of expand")));
}

TEST(CsiRules, CSI_10_TheSecretOfAnInlineVolumeIsInThePodsNamespace) {
  VolumeRequest request = inlineRequest();
  request.volume.mutable_volumesource()->mutable_csi()->mutable_nodepublishsecretref()->set_name("s");
  const std::vector<CsiSecret> secrets = csiSecrets(request);
  ASSERT_EQ(secrets.size(), 1u);
  EXPECT_EQ(secrets[0].ns, "default");
  EXPECT_EQ(secrets[0].name, "s");
  EXPECT_EQ(secrets[0].use, CsiSecret::Use::kPublish);
}

}  // namespace
}  // namespace cubelet::volumes
