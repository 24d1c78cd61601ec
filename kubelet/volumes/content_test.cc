#include "kubelet/volumes/content.h"

#include <gtest/gtest.h>

#include "kubelet/volumes/files_volume.h"

namespace cubelet::volumes {
namespace {

struct PathCase {
  std::string name;
  std::string path;
  std::string want;       // empty: refused
  std::string wantError;  // after "invalid path: "
};

class CMS_4_Path : public testing::TestWithParam<PathCase> {};

TEST_P(CMS_4_Path, StaysInsideTheVolume) {
  Result<std::string> clean = cleanPath(GetParam().path);
  if (GetParam().want.empty()) {
    ASSERT_FALSE(clean);
    EXPECT_EQ(clean.error().code, Code::kInvalid);
    EXPECT_EQ(clean.error().message, "invalid path: " + GetParam().wantError);
  } else {
    ASSERT_TRUE(clean) << clean.error().message;
    EXPECT_EQ(*clean, GetParam().want);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CMS_4_Path,
    testing::Values(PathCase{"Name", "a", "a", ""}, PathCase{"Deep", "a/b/c", "a/b/c", ""},
                    PathCase{"Untidy", "./a//b/./", "a/b", ""}, PathCase{"HiddenName", ".a", ".a", ""},
                    PathCase{"DotsInside", "a..b/..c", "a..b/..c", ""},
                    PathCase{"Empty", "", "", "must not be empty: \"\""},
                    PathCase{"Nothing", "./", "", "must not be empty: \"./\""},
                    PathCase{"Absolute", "/etc/x", "", "must be relative path: /etc/x"},
                    PathCase{"Up", "..", "", "must not contain '..': .."},
                    PathCase{"UpInside", "a/../../x", "", "must not contain '..': a/../../x"},
                    PathCase{"WritersNames", "..data/a", "", "must not start with '..': ..data/a"},
                    PathCase{"WritersNamesHidden", "./..data", "", "must not start with '..': ./..data"},
                    PathCase{"Nul", std::string("a\0b", 3), "", "must not contain a NUL character"},
                    PathCase{"LongName", std::string(256, 'x'), "",
                             "filenames must be less than or equal to 255 characters"},
                    PathCase{"LongPath", std::string(4097, 'x'), "", "must be less than or equal to 4096 characters"}),
    [](const auto& test) { return test.param.name; });

core::KeyToPath item(const std::string& key, const std::string& path, std::optional<int> mode = std::nullopt) {
  core::KeyToPath out;
  out.set_key(key);
  out.set_path(path);
  if (mode) out.set_mode(*mode);
  return out;
}

template <class T>
std::shared_ptr<const T> shared(const T& object) {
  return std::make_shared<const T>(object);
}

struct ConfigMapContent : testing::Test {
  ConfigMapContent() {
    (*object.mutable_data())["text"] = "hello";
    (*object.mutable_binarydata())["blob"] = std::string("\0\xff", 2);
  }
  core::ConfigMap object;
  KeyItems items;
};

TEST_F(ConfigMapContent, CMS_6_HasTextAndBinaryKeys) {
  Result<Files> files = configMapFiles(shared(object), items, 0640, false);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ(files->at("text").bytes, "hello");
  EXPECT_EQ(files->at("text").mode, 0640u);
  EXPECT_EQ(files->at("blob").bytes, std::string("\0\xff", 2));
}

TEST_F(ConfigMapContent, CMS_4_ItemsSelectRenameAndHaveTheirOwnMode) {
  *items.Add() = item("blob", "deep/er/file", 0400);
  Result<Files> files = configMapFiles(shared(object), items, 0644, false);
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 1u);
  EXPECT_EQ(files->at("deep/er/file").mode, 0400u);
}

TEST_F(ConfigMapContent, CMS_5_MissingKeyIsNamed) {
  *items.Add() = item("k", "p");
  Result<Files> files = configMapFiles(shared(object), items, 0644, false);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().message, "configmap references non-existent config key: k");
}

TEST_F(ConfigMapContent, CMS_4_OptionalMissingKeysAndObjectsAreLeftOut) {
  *items.Add() = item("k", "p");
  *items.Add() = item("text", "t");
  Result<Files> files = configMapFiles(shared(object), items, 0644, true);
  ASSERT_TRUE(files);
  EXPECT_EQ(files->size(), 1u);
  Result<Files> none = configMapFiles(nullptr, items, 0644, true);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST_F(ConfigMapContent, CMS_4_ItemsCannotLeaveTheVolume) {
  *items.Add() = item("text", "../../../etc/cron.d/x");
  EXPECT_FALSE(configMapFiles(shared(object), items, 0644, false));
}

TEST(SecretContent, CMS_5_MissingKeyIsNamed) {
  core::Secret object;
  (*object.mutable_data())["a"] = "1";
  KeyItems items;
  Result<Files> all = secretFiles(shared(object), items, 0400, false);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->at("a").bytes, "1");
  EXPECT_EQ(all->at("a").mode, 0400u);
  *items.Add() = item("k", "p");
  Result<Files> files = secretFiles(shared(object), items, 0644, false);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().message, "references non-existent secret key: k");
}

TEST(MapText, CMS_9_IsSortedAndQuotedAsGoDoes) {
  google::protobuf::Map<std::string, std::string> map;
  EXPECT_EQ(mapText(map), "");
  map["b"] = "say \"hi\"\\\n\t\x01";
  map["a"] = "plain";
  map["c"] = "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80";
  map["d"] = "\xc2\xa0\xe2\x80\x8b\xff\xed\xa0\x80";
  EXPECT_EQ(mapText(map),
            "a=\"plain\"\n"
            "b=\"say \\\"hi\\\"\\\\\\n\\t\\x01\"\n"
            "c=\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"\n"
            "d=\"\\u00a0\\u200b\\xff\\xed\\xa0\\x80\"");
}

struct UserCase {
  std::string name;
  std::optional<int> pod;
  std::vector<std::optional<int>> containers;  // the first is an init container
  std::optional<uid_t> want;
};

class CMS_11_CommonUser : public testing::TestWithParam<UserCase> {};

TEST_P(CMS_11_CommonUser, IsThatOfAllContainers) {
  core::Pod pod;
  if (GetParam().pod) pod.mutable_spec()->mutable_securitycontext()->set_runasuser(*GetParam().pod);
  for (const std::optional<int>& user : GetParam().containers) {
    core::Container* container = pod.spec().initcontainers_size() == 0 ? pod.mutable_spec()->add_initcontainers()
                                                                       : pod.mutable_spec()->add_containers();
    if (user) container->mutable_securitycontext()->set_runasuser(*user);
  }
  EXPECT_EQ(commonUser(pod), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Cases, CMS_11_CommonUser,
                         testing::Values(UserCase{"Nobody", std::nullopt, {std::nullopt, std::nullopt}, std::nullopt},
                                         UserCase{"OfThePod", 7, {std::nullopt, std::nullopt}, 7u},
                                         UserCase{"OfAll", std::nullopt, {8, 8, 8}, 8u},
                                         UserCase{"Mixed", 7, {std::nullopt, 8}, std::nullopt},
                                         UserCase{"OneUnknown", std::nullopt, {8, std::nullopt}, std::nullopt}),
                         [](const auto& test) { return test.param.name; });

void mount(core::Container* container, const std::string& volume, const std::string& path) {
  core::VolumeMount* mount = container->add_volumemounts();
  mount->set_name(volume);
  mount->set_mountpath(path);
}

TEST(NestedMountPoints, VOL_10_AreTheOutermostBelowTheVolume) {
  core::Pod pod;
  core::Container* container = pod.mutable_spec()->add_containers();
  mount(container, "v", "/etc/app/");
  mount(container, "x", "/etc/app/inner");
  mount(container, "y", "/etc/app/inner/most");
  mount(container, "z", "/etc/application");
  mount(container, "z", "/etc/app/a/../../../root");
  core::Container* other = pod.mutable_spec()->add_initcontainers();
  mount(other, "v", "/v");
  mount(other, "x", "/v/deep/er");
  EXPECT_EQ(nestedMountPoints(pod, "v"), (std::vector<std::string>{"deep/er", "inner"}));
  EXPECT_EQ(nestedMountPoints(pod, "x"), (std::vector<std::string>{"most"}));
}

}  // namespace
}  // namespace cubelet::volumes
