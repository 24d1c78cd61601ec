#include "kubelet/devices/registration_rules.h"

#include <gtest/gtest.h>

namespace cubelet::devices {
namespace {

struct Case {
  std::string name;
  std::string version = "v1beta1";
  std::string resource = "example.com/gpu";
  std::string endpoint = "gpu.sock";
  std::string wantError = "";  // a part of it; empty: taken
};

struct Registration : testing::TestWithParam<Case> {};

TEST_P(Registration, SRV_14_OfAPluginIsChecked) {
  ::v1beta1::RegisterRequest request;
  request.set_version(GetParam().version);
  request.set_resource_name(GetParam().resource);
  request.set_endpoint(GetParam().endpoint);
  const Result<void> taken = check(request);
  const std::string error = taken ? "" : taken.error().message;
  if (GetParam().wantError.empty())
    EXPECT_EQ(error, "");
  else
    EXPECT_NE(error.find(GetParam().wantError), std::string::npos) << error;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Registration,
    testing::Values(Case{.name = "Usual", .wantError = ""}, Case{.name = "Deep", .resource = "a.b.example.com/x-1.y_Z"},
                    Case{.name = "OlderVersion", .version = "v1alpha", .wantError = "Supported version is \"v1beta1\""},
                    Case{.name = "NoVersion", .version = "", .wantError = "requested API version \"\""},
                    Case{.name = "NoDomain", .resource = "gpu", .wantError = "the ResourceName \"gpu\" is invalid"},
                    Case{.name = "OwnDomain", .resource = "kubernetes.io/gpu", .wantError = "is invalid"},
                    Case{.name = "Quota", .resource = "requests.example.com/gpu", .wantError = "is invalid"},
                    Case{.name = "BadName", .resource = "example.com/g pu", .wantError = "is invalid"},
                    Case{.name = "NoSocket", .endpoint = "", .wantError = "is no name of a socket"},
                    Case{.name = "Escapes", .endpoint = "../gpu.sock", .wantError = "is no name of a socket"},
                    Case{.name = "Absolute", .endpoint = "/run/gpu.sock", .wantError = "is no name of a socket"},
                    Case{.name = "Parent", .endpoint = "..", .wantError = "is no name of a socket"},
                    Case{.name = "OurOwn", .endpoint = "kubelet.sock", .wantError = "is no name of a socket"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace cubelet::devices
