// configMap, secret, downwardAPI and projected volumes from the pod to the files.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <thread>
#include <unistd.h>

#include "base/files.h"
#include "base/temp_dir.h"
#include "kubelet/volumes/fake_objects.h"
#include "kubelet/volumes/mounts.h"
#include "kubelet/volumes/pod_volumes.h"
#include "kubelet/volumes/projected.h"
#include "kubelet/volumes/set_up_all.h"

namespace cubelet::volumes {
namespace {

namespace fs = std::filesystem;
using std::chrono::minutes;
using std::chrono::seconds;

struct ObjectVolumes : testing::Test {
  ObjectVolumes() {
    pod.mutable_metadata()->set_uid("u1");
    pod.mutable_metadata()->set_name("web");
    pod.mutable_metadata()->set_namespace_("default");
    dirs.root = temp.path();
    sources.objects = &objects;
    sources.fieldValue = [](const core::Pod& pod, std::string_view path) -> Result<std::string> {
      if (path == "metadata.name") return pod.metadata().name();
      if (path == "metadata.namespace") return pod.metadata().namespace_();
      return fail(Code::kInvalid, "CreateContainerConfigError", "no field " + std::string(path));
    };
    sources.resourceValue = [](const core::Pod&, const core::ResourceFieldSelector& selector) -> Result<std::string> {
      return selector.containername() + " " + selector.resource();
    };
    objects.tokenExpires = clock.wallNow() + seconds(3607);
    (*objects.configMaps["default/settings"].mutable_data())["color"] = "red";
    (*objects.secrets["default/keys"].mutable_data())["key"] = "hush";
  }
  // Whatever a failed test has left mounted would survive its directory.
  ~ObjectVolumes() override { EXPECT_TRUE(unmountBelow(temp.path())); }

  void SetUp() override {
    if (::getuid() != 0) GTEST_SKIP() << "needs root to mount a tmpfs";
    const std::string probe = temp / "probe";
    ASSERT_TRUE(makeDirectories(probe, 0755));
    if (!mountFileSystem("tmpfs", probe, "")) GTEST_SKIP() << "may not mount here";
  }

  core::VolumeSource* add(const std::string& name) {
    core::Volume* volume = pod.mutable_spec()->add_volumes();
    volume->set_name(name);
    return volume->mutable_volumesource();
  }
  core::ConfigMapVolumeSource* addConfigMap(const std::string& volume, const std::string& object) {
    core::ConfigMapVolumeSource* source = add(volume)->mutable_configmap();
    source->mutable_localobjectreference()->set_name(object);
    return source;
  }
  // As the API server's admission adds it to every pod.
  core::ProjectedVolumeSource* addServiceAccountVolume(const std::string& name) {
    core::ProjectedVolumeSource* source = add(name)->mutable_projected();
    source->set_defaultmode(0644);
    core::ServiceAccountTokenProjection* token = source->add_sources()->mutable_serviceaccounttoken();
    token->set_expirationseconds(3607);
    token->set_path("token");
    core::ConfigMapProjection* ca = source->add_sources()->mutable_configmap();
    ca->mutable_localobjectreference()->set_name("kube-root-ca.crt");
    core::KeyToPath* item = ca->add_items();
    item->set_key("ca.crt");
    item->set_path("ca.crt");
    core::DownwardAPIVolumeFile* ns = source->add_sources()->mutable_downwardapi()->add_items();
    ns->set_path("namespace");
    ns->mutable_fieldref()->set_fieldpath("metadata.namespace");
    (*objects.configMaps["default/kube-root-ca.crt"].mutable_data())["ca.crt"] = "PEM";
    return source;
  }

  Result<PodVolumes::HostPaths> setUp() { return setUpAll(loop, volumes(), pod); }
  Result<void> refresh() { return loop.runToEnd(volumes().refresh(pod)); }
  PodVolumes& volumes() {
    if (!volumes_) restartAgent();
    return *volumes_;
  }
  void restartAgent() { volumes_ = std::make_unique<PodVolumes>(pool, clock, dirs, sources); }

  std::string path(const std::string& plugin, const std::string& volume) const {
    return dirs.root + "/pods/u1/volumes/kubernetes.io~" + plugin + "/" + volume;
  }
  static std::string text(const std::string& path) {
    Result<std::string> text = readFile(path, 1 << 20);
    return text ? *text : "<" + text.error().message + ">";
  }
  static struct stat status(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info;
  }
  static mode_t mode(const std::string& path) { return status(path).st_mode & 07777; }
  static bool inMemory(const std::string& path) {
    struct statfs info = {};
    EXPECT_EQ(::statfs(path.c_str(), &info), 0) << path;
    return info.f_type == TMPFS_MAGIC;
  }
  static int mountsAt(const std::string& end) {
    std::ifstream table("/proc/self/mountinfo");
    int count = 0;
    for (std::string line; std::getline(table, line);)
      if (line.find(end + " ") != std::string::npos) ++count;
    return count;
  }

  TempDir temp;
  Loop loop;
  ManualClock clock{loop};
  BlockingPool pool{loop, clock, 2};
  layout::Directories dirs;
  objects::FakeObjects objects;
  Sources sources;
  core::Pod pod;
  std::unique_ptr<PodVolumes> volumes_;
};

TEST_F(ObjectVolumes, CMS_1_ConfigMapLiesOnDisk) {
  addConfigMap("v", "settings");
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->at("v"), path("configmap", "v"));
  EXPECT_EQ(text(paths->at("v") + "/color"), "red");
  EXPECT_EQ(mode(paths->at("v") + "/color"), 0644u);
  EXPECT_EQ(mode(paths->at("v")), 0777u);
  EXPECT_EQ(mountsAt(path("configmap", "v")), 0);
}

TEST_F(ObjectVolumes, CMS_1_SecretLiesInMemoryThatIsNeverSwapped) {
  core::SecretVolumeSource* source = add("v")->mutable_secret();
  source->set_secretname("keys");
  source->set_defaultmode(0400);
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->at("v"), path("secret", "v"));
  EXPECT_EQ(text(paths->at("v") + "/key"), "hush");
  EXPECT_EQ(mode(paths->at("v") + "/key"), 0400u);
  EXPECT_TRUE(inMemory(paths->at("v")));
  EXPECT_EQ(mode(paths->at("v")), 0777u);
  std::ifstream table("/proc/self/mountinfo");
  bool found = false;
  for (std::string line; std::getline(table, line);) {
    if (line.find(paths->at("v") + " ") == std::string::npos) continue;
    found = true;
    EXPECT_NE(line.find("noswap"), std::string::npos) << "needs Linux 6.4: " << line;
  }
  EXPECT_TRUE(found);

  ASSERT_TRUE(loop.runToEnd(volumes().tearDown("u1")));
  EXPECT_FALSE(fs::exists(dirs.root + "/pods/u1"));
  EXPECT_EQ(mountsAt(path("secret", "v")), 0);
}

TEST_F(ObjectVolumes, CMS_9_DownwardApiWorksWithoutAnApiServer) {
  sources.objects = nullptr;
  (*pod.mutable_metadata()->mutable_labels())["app"] = "web";
  (*pod.mutable_metadata()->mutable_labels())["a"] = "\"";
  core::DownwardAPIVolumeSource* source = add("self")->mutable_downwardapi();
  auto item = [&](const std::string& path) {
    source->add_items()->set_path(path);
    return source->mutable_items(source->items_size() - 1);
  };
  item("labels")->mutable_fieldref()->set_fieldpath("metadata.labels");
  item("deep/name")->mutable_fieldref()->set_fieldpath("metadata.name");
  item("cpu")->mutable_resourcefieldref()->set_resource("limits.cpu");
  source->mutable_items(2)->mutable_resourcefieldref()->set_containername("c");
  source->mutable_items(2)->set_mode(0400);
  core::DownwardAPIVolumeFile* name =
      add("all")->mutable_projected()->add_sources()->mutable_downwardapi()->add_items();
  name->set_path("name");
  name->mutable_fieldref()->set_fieldpath("metadata.name");
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(paths->at("self"), path("downward-api", "self"));
  EXPECT_EQ(text(paths->at("self") + "/labels"), "a=\"\\\"\"\napp=\"web\"");
  EXPECT_EQ(text(paths->at("self") + "/deep/name"), "web");
  EXPECT_EQ(text(paths->at("self") + "/cpu"), "c limits.cpu");
  EXPECT_EQ(mode(paths->at("self") + "/cpu"), 0400u);
  EXPECT_TRUE(inMemory(paths->at("self")));
  EXPECT_EQ(text(paths->at("all") + "/name"), "web");

  (*pod.mutable_metadata()->mutable_labels())["a"] = "b";
  ASSERT_TRUE(refresh());
  EXPECT_EQ(text(paths->at("self") + "/labels"), "a=\"b\"\napp=\"web\"");
  EXPECT_EQ(volumes().refreshDue("u1"), std::nullopt);
}

TEST_F(ObjectVolumes, CMS_12_ServiceAccountVolumeOfEveryPod) {
  addServiceAccountVolume("kube-api-access-x");
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  const std::string at = paths->at("kube-api-access-x");
  EXPECT_EQ(at, path("projected", "kube-api-access-x"));
  EXPECT_EQ(text(at + "/token"), "token-1");
  EXPECT_EQ(text(at + "/ca.crt"), "PEM");
  EXPECT_EQ(text(at + "/namespace"), "default");
  EXPECT_EQ(mode(at + "/token"), 0644u);
  EXPECT_TRUE(inMemory(at));
  EXPECT_EQ(objects.tokenRequests, (std::vector<std::string>{"web  3607"}));
}

TEST_F(ObjectVolumes, CMS_12_SecretVolumeOfOldServers) {
  core::Secret& secret = objects.secrets["default/default-token-abcde"];
  (*secret.mutable_data())["token"] = "jwt";
  (*secret.mutable_data())["ca.crt"] = "PEM";
  (*secret.mutable_data())["namespace"] = "default";
  core::SecretVolumeSource* source = add("default-token-abcde")->mutable_secret();
  source->set_secretname("default-token-abcde");
  source->set_defaultmode(0644);
  // Users mount it inside a volume of their own, and others inside it.
  core::Container* container = pod.mutable_spec()->add_containers();
  core::VolumeMount* mount = container->add_volumemounts();
  mount->set_name("default-token-abcde");
  mount->set_mountpath("/var/run/secrets/kubernetes.io/serviceaccount");
  mount = container->add_volumemounts();
  mount->set_name("settings");
  mount->set_mountpath("/var/run/secrets");
  addConfigMap("settings", "settings");
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(text(paths->at("default-token-abcde") + "/token"), "jwt");
  const std::string point = paths->at("settings") + "/kubernetes.io/serviceaccount";
  EXPECT_TRUE(fs::is_directory(point));
  EXPECT_EQ(mode(point), 0755u);
  ASSERT_TRUE(refresh());
  EXPECT_TRUE(fs::is_directory(point));
}

TEST_F(ObjectVolumes, CMS_11_TokenIsForItsUserAndGroupOnly) {
  pod.mutable_spec()->mutable_securitycontext()->set_runasuser(1000);
  pod.mutable_spec()->add_containers();
  addServiceAccountVolume("v");
  ASSERT_TRUE(setUp());
  const std::string token = path("projected", "v") + "/token";
  EXPECT_EQ(mode(token), 0600u);
  EXPECT_EQ(status(token).st_uid, 1000u);
  EXPECT_EQ(status(path("projected", "v") + "/ca.crt").st_uid, 0u);
  pod.mutable_spec()->mutable_securitycontext()->set_fsgroup(2000);
  ASSERT_TRUE(refresh());
  EXPECT_EQ(mode(token), 0640u);
  EXPECT_EQ(status(token).st_gid, 2000u);
  EXPECT_EQ(mode(path("projected", "v")), 02777u);
  EXPECT_EQ(status(path("projected", "v")).st_gid, 2000u);
}

TEST_F(ObjectVolumes, CMS_11_TokensAreDueAt80PercentOfTheirLife) {
  addServiceAccountVolume("v");
  EXPECT_EQ(volumes().refreshDue("u1"), std::nullopt);
  ASSERT_TRUE(setUp());
  const WallTime begin = clock.wallNow();
  ASSERT_EQ(volumes().refreshDue("u1"), begin + seconds(3607 - 721));
  clock.advance(seconds(3607 - 721));

  objects.tokenText = "token-2";
  objects.tokenExpires = clock.wallNow() + seconds(3607);
  ASSERT_TRUE(refresh());
  EXPECT_EQ(text(path("projected", "v") + "/token"), "token-2");
  EXPECT_EQ(volumes().refreshDue("u1"), clock.wallNow() + seconds(3607 - 721));
  ASSERT_TRUE(loop.runToEnd(volumes().tearDown("u1")));
  EXPECT_EQ(volumes().refreshDue("u1"), std::nullopt);
}

TEST_F(ObjectVolumes, CMS_11_ATokenThatIsNotRenewedIsAskedForEachMinute) {
  addServiceAccountVolume("v");
  ASSERT_TRUE(setUp());
  clock.advance(seconds(3000));
  ASSERT_TRUE(refresh());  // the server is away, Objects still answers the old one
  EXPECT_EQ(volumes().refreshDue("u1"), clock.wallNow() + minutes(1));
  objects.down = Error(Code::kUnavailable, "", "no route to host");
  clock.advance(minutes(1));
  Result<void> refreshed = refresh();
  ASSERT_FALSE(refreshed);
  EXPECT_EQ(text(path("projected", "v") + "/token"), "token-1") << "what is there stays";
  EXPECT_EQ(volumes().refreshDue("u1"), clock.wallNow() + minutes(1));
}

TEST_F(ObjectVolumes, CMS_10_LaterSourcesWin) {
  core::ProjectedVolumeSource* source = add("v")->mutable_projected();
  source->set_defaultmode(0600);
  auto rename = [](auto* projection, const std::string& name, const std::string& key) {
    projection->mutable_localobjectreference()->set_name(name);
    core::KeyToPath* item = projection->add_items();
    item->set_key(key);
    item->set_path("x/value");
  };
  rename(source->add_sources()->mutable_configmap(), "settings", "color");
  rename(source->add_sources()->mutable_secret(), "keys", "key");
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(text(paths->at("v") + "/x/value"), "hush");
  EXPECT_EQ(mode(paths->at("v") + "/x/value"), 0600u);
}

struct ErrorCase {
  std::string name;
  void (*arrange)(ObjectVolumes& test);
  std::string wantMessage;
  Code wantCode;
};

class CMS_5_Errors : public ObjectVolumes, public testing::WithParamInterface<ErrorCase> {};

TEST_P(CMS_5_Errors, SayWhatIsWrong) {
  GetParam().arrange(*this);
  Result<PodVolumes::HostPaths> paths = setUp();
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error().message, "MountVolume.SetUp failed for volume \"v\" : " + GetParam().wantMessage);
  EXPECT_EQ(paths.error().reason, "FailedMount");
  EXPECT_EQ(paths.error().code, GetParam().wantCode);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CMS_5_Errors,
    testing::Values(
        ErrorCase{"NoConfigMap", [](ObjectVolumes& t) { t.addConfigMap("v", "x"); }, "configmap \"x\" not found",
                  Code::kNotFound},
        ErrorCase{"NoSecret", [](ObjectVolumes& t) { t.add("v")->mutable_secret()->set_secretname("x"); },
                  "secret \"x\" not found", Code::kNotFound},
        ErrorCase{"NoKey",
                  [](ObjectVolumes& t) {
                    core::KeyToPath* item = t.addConfigMap("v", "settings")->add_items();
                    item->set_key("k");
                    item->set_path("p");
                  },
                  "configmap references non-existent config key: k", Code::kInvalid},
        ErrorCase{"OptionalButNoAnswer",
                  [](ObjectVolumes& t) {
                    t.addConfigMap("v", "settings")->set_optional(true);
                    t.objects.down = Error(Code::kTimedOut, "", "no answer");
                  },
                  "no answer", Code::kTimedOut},
        ErrorCase{"NoApiServer",
                  [](ObjectVolumes& t) {
                    t.addConfigMap("v", "settings");
                    t.sources.objects = nullptr;
                  },
                  "this node has no API server to get configmap \"settings\" from", Code::kInvalid},
        ErrorCase{"PathLeadsOut",
                  [](ObjectVolumes& t) {
                    core::KeyToPath* item = t.addConfigMap("v", "settings")->add_items();
                    item->set_key("color");
                    item->set_path("../x");
                  },
                  "invalid path: must not contain '..': ../x", Code::kInvalid},
        ErrorCase{"ProjectedTellsAll",
                  [](ObjectVolumes& t) {
                    auto* source = t.add("v")->mutable_projected();
                    source->add_sources()->mutable_secret()->mutable_localobjectreference()->set_name("a");
                    source->add_sources()->mutable_configmap()->mutable_localobjectreference()->set_name("b");
                  },
                  "[secret \"a\" not found, configmap \"b\" not found]", Code::kNotFound},
        ErrorCase{"TrustBundle",
                  [](ObjectVolumes& t) {
                    core::ClusterTrustBundleProjection* source =
                        t.add("v")->mutable_projected()->add_sources()->mutable_clustertrustbundle();
                    source->set_name("corp");
                    source->set_path("ca.crt");
                  },
                  "the API server has no ClusterTrustBundles", Code::kUnimplemented},
        ErrorCase{"PodCertificate",
                  [](ObjectVolumes& t) { t.add("v")->mutable_projected()->add_sources()->mutable_podcertificate(); },
                  "a projected source podCertificate is not supported yet", Code::kUnimplemented}),
    [](const auto& test) { return test.param.name; });

TEST_F(ObjectVolumes, CMS_4_OptionalObjectsComeAndGo) {
  addConfigMap("v", "later")->set_optional(true);
  ASSERT_TRUE(setUp());
  const std::string file = path("configmap", "v") + "/a";
  EXPECT_FALSE(fs::exists(fs::symlink_status(file)));
  (*objects.configMaps["default/later"].mutable_data())["a"] = "1";
  ASSERT_TRUE(refresh());
  EXPECT_EQ(text(file), "1");
  objects.configMaps.erase("default/later");
  ASSERT_TRUE(refresh());
  EXPECT_FALSE(fs::exists(fs::symlink_status(file)));
}

TEST_F(ObjectVolumes, CMS_10_TrustAnchorsAreAFileThatFollowsTheBundle) {
  const std::string begin = "-----BEGIN CERTIFICATE-----\n";
  const std::string end = "\n-----END CERTIFICATE-----\n";
  objects.bundles = objects::TrustBundles{{"corp", {}, "", begin + "QUFB" + end}};
  core::ClusterTrustBundleProjection* source =
      add("trust")->mutable_projected()->add_sources()->mutable_clustertrustbundle();
  source->set_name("corp");
  source->set_path("ca/corp.pem");
  ASSERT_TRUE(setUp());
  const std::string file = path("projected", "trust") + "/ca/corp.pem";
  EXPECT_EQ(text(file), begin + "QUFB" + end);
  EXPECT_EQ(mode(file), 0644u);
  objects.bundles->front().pem = begin + "QkJC" + end;
  ASSERT_TRUE(refresh());
  EXPECT_EQ(text(file), begin + "QkJC" + end);
  objects.bundles->clear();
  Result<void> refreshed = refresh();
  ASSERT_FALSE(refreshed);
  EXPECT_NE(refreshed.error().message.find("clustertrustbundle.certificates.k8s.io \"corp\" not found"),
            std::string::npos);
  EXPECT_EQ(text(file), begin + "QkJC" + end) << "the pod keeps what it has";
}

TEST_F(ObjectVolumes, CMS_2_RefreshWritesOnlyWhatDiffers) {
  addConfigMap("same", "settings");
  core::SecretVolumeSource* source = add("changed")->mutable_secret();
  source->set_secretname("keys");
  ASSERT_TRUE(setUp());
  const std::string same = fs::read_symlink(path("configmap", "same") + "/..data");
  const std::string changed = fs::read_symlink(path("secret", "changed") + "/..data");
  const struct stat before = status(path("configmap", "same"));
  (*objects.secrets["default/keys"].mutable_data())["key"] = "new";
  ASSERT_TRUE(refresh());
  EXPECT_EQ(text(path("secret", "changed") + "/key"), "new");
  EXPECT_NE(fs::read_symlink(path("secret", "changed") + "/..data"), changed);
  EXPECT_EQ(fs::read_symlink(path("configmap", "same") + "/..data"), same);
  const struct stat after = status(path("configmap", "same"));
  EXPECT_EQ(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

TEST_F(ObjectVolumes, RefreshGoesOnAfterAFailureAndKeepsWhatIsThere) {
  addConfigMap("gone", "settings");
  core::SecretVolumeSource* source = add("changed")->mutable_secret();
  source->set_secretname("keys");
  ASSERT_TRUE(setUp());
  objects.configMaps.clear();
  (*objects.secrets["default/keys"].mutable_data())["key"] = "new";
  Result<void> refreshed = refresh();
  ASSERT_FALSE(refreshed);
  EXPECT_EQ(refreshed.error().message,
            "MountVolume.SetUp failed for volume \"gone\" : configmap \"settings\" not found");
  EXPECT_EQ(text(path("configmap", "gone") + "/color"), "red");
  EXPECT_EQ(text(path("secret", "changed") + "/key"), "new");
}

TEST_F(ObjectVolumes, MountsOfAnEarlierRunAreUsedAgain) {
  // The usual way to move the kubelet's directory to another disk.
  fs::create_directories(temp / "disk");
  fs::create_directory_symlink(temp / "disk", temp / "kubelet");
  dirs.root = temp / "kubelet";
  core::SecretVolumeSource* source = add("v")->mutable_secret();
  source->set_secretname("keys");
  ASSERT_TRUE(setUp());
  const std::string data = fs::read_symlink(path("secret", "v") + "/..data");
  restartAgent();
  ASSERT_TRUE(setUp());
  EXPECT_EQ(mountsAt("kubernetes.io~secret/v"), 1);
  EXPECT_EQ(fs::read_symlink(path("secret", "v") + "/..data"), data);
  restartAgent();
  ASSERT_TRUE(loop.runToEnd(volumes().tearDown("u1")));
  EXPECT_EQ(mountsAt("kubernetes.io~secret/v"), 0);
  EXPECT_FALSE(fs::exists(temp / "disk/pods/u1"));
}

TEST_F(ObjectVolumes, CMS_1_SecretsAreNotWrittenWhereSomethingElseIsMounted) {
  core::SecretVolumeSource* source = add("v")->mutable_secret();
  source->set_secretname("keys");
  ASSERT_TRUE(makeDirectories(path("secret", "v"), 0755));
  ASSERT_TRUE(makeDirectories(temp / "other", 0755));
  ASSERT_EQ(::mount((temp / "other").c_str(), path("secret", "v").c_str(), nullptr, MS_BIND, nullptr), 0);
  if (inMemory(temp / "other")) GTEST_SKIP() << "the temporary directory is a tmpfs itself";
  EXPECT_FALSE(setUp());
  EXPECT_TRUE(fs::is_empty(temp / "other"));
}

TEST_F(ObjectVolumes, NobodyWorksWhereAHungCallStillWrites) {
  addConfigMap("v", "settings");
  ASSERT_TRUE(setUp());
  // The write waits in a pool whose only thread is busy.
  std::atomic<bool> release = false;
  BlockingPool narrow(loop, clock, 1);
  PodVolumes volumes(narrow, clock, dirs, sources);
  auto start = [this](Task<Result<void>> task) {
    auto answer = std::make_shared<std::optional<Result<void>>>();
    boost::asio::co_spawn(loop.context(), std::move(task),
                          [answer](const std::exception_ptr&, Result<void> result) { *answer = std::move(result); });
    loop.poll();
    return answer;
  };
  std::function<Result<void>()> hang = [&release]() -> Result<void> {
    while (!release) std::this_thread::yield();
    return {};
  };
  auto busy = start(narrow.run<void>("hang", minutes(1), hang));
  auto first = start(volumes.refresh(pod));
  auto second = start(volumes.refresh(pod));
  auto end = start(volumes.tearDown("u1"));
  EXPECT_TRUE(*second && !**second && (*second)->error().code == Code::kUnavailable);
  EXPECT_FALSE(*end) << "it waits for the write";
  EXPECT_FALSE(*first);
  release = true;
  ASSERT_TRUE(loop.runUntil([&] { return *busy && *first && *second && *end; }, seconds(10)));
  EXPECT_TRUE(**first);
  EXPECT_TRUE(**end);
  EXPECT_FALSE(fs::exists(temp / "pods/u1"));
}

}  // namespace
}  // namespace cubelet::volumes
