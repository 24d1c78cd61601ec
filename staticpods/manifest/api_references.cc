#include "staticpods/manifest/api_references.h"

#include <array>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <string>
#include <string_view>

namespace cubelet::staticpods {
namespace {

namespace core = ::k8s::core::v1;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct Kind {
  std::string_view name;  // of a message type or a field
  std::string_view kind;  // as the problem names it
};

// Types that are references, wherever they stand in a pod.
constexpr std::array kReferringTypes{
    Kind{"SecretVolumeSource", "secrets"},
    Kind{"SecretProjection", "secrets"},
    Kind{"SecretEnvSource", "secrets"},
    Kind{"SecretKeySelector", "secrets"},
    Kind{"ConfigMapVolumeSource", "configmaps"},
    Kind{"ConfigMapProjection", "configmaps"},
    Kind{"ConfigMapEnvSource", "configmaps"},
    Kind{"ConfigMapKeySelector", "configmaps"},
    Kind{"AzureFileVolumeSource", "secrets (via azureFile volumes)"},
    Kind{"PersistentVolumeClaimVolumeSource", "persistentvolumeclaims"},
    Kind{"EphemeralVolumeSource", "persistentvolumeclaims (via ephemeral volumes)"},
    Kind{"CSIVolumeSource", "csidrivers (via CSI volumes)"},
    Kind{"GlusterfsVolumeSource", "endpoints (via glusterFS volumes)"},
    Kind{"ServiceAccountTokenProjection", "serviceaccounts (via projected volumes)"},
    Kind{"ClusterTrustBundleProjection", "clustertrustbundles"},
    Kind{"PodCertificateProjection", "podcertificates"},
    Kind{"PodResourceClaim", "resourceclaims"},
};

// Fields of a general type that are references by their name.
constexpr std::array kReferringFields{
    Kind{"imagePullSecrets", "secrets"},
    Kind{"secretRef", "secrets"},
    Kind{"serviceAccountName", "serviceaccounts"},
    Kind{"serviceAccount", "serviceaccounts"},
};

// Members that JSON writes into their parent: they have no name of their own in a path.
constexpr std::array<std::string_view, 4> kInlined{"volumeSource", "handler", "ephemeralContainerCommon",
                                                   "localObjectReference"};

template <std::size_t n>
std::string_view lookUp(const std::array<Kind, n>& table, std::string_view name) {
  for (const Kind& row : table)
    if (row.name == name) return row.kind;
  return "";
}

std::string_view kindOf(const FieldDescriptor& field) {
  if (field.message_type() != nullptr)
    if (const std::string_view kind = lookUp(kReferringTypes, field.message_type()->name()); !kind.empty()) return kind;
  return lookUp(kReferringFields, field.name());
}

bool isInlined(const FieldDescriptor& field) {
  for (const std::string_view name : kInlined)
    if (field.name() == name) return true;
  return false;
}

class Finder {
 public:
  std::vector<api::Problem> take() { return std::move(problems_); }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as the message types nest
  void walk(const Message& message, const std::string& path) {
    const auto& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (field->is_map()) continue;  // no map of a pod's spec holds references
      const std::string here = isInlined(*field) ? path : path + "." + field->name();
      if (!field->is_repeated()) {
        if (field->message_type() != nullptr)
          visit(*field, &reflection.GetMessage(message, field), here);
        else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !reflection.GetString(message, field).empty())
          visit(*field, nullptr, here);
        continue;
      }
      if (field->message_type() == nullptr) continue;
      for (int i = 0; i < reflection.FieldSize(message, field); ++i)
        visit(*field, &reflection.GetRepeatedMessage(message, field, i), here + "[" + std::to_string(i) + "]");
    }
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion): see walk
  void visit(const FieldDescriptor& field, const Message* value, const std::string& path) {
    const std::string_view kind = kindOf(field);
    if (!kind.empty())
      add(path, kind);
    else if (value != nullptr)
      walk(*value, path);
  }

  void add(const std::string& path, std::string_view kind) {
    api::Problem problem;
    problem.path = path;
    problem.message = "static pods may not reference " + std::string(kind);
    problems_.push_back(std::move(problem));
  }

  std::vector<api::Problem> problems_;
};

}  // namespace

std::vector<api::Problem> findApiReferences(const core::Pod& pod) {
  Finder finder;
  finder.walk(pod.spec(), "spec");
  return finder.take();
}

}  // namespace cubelet::staticpods
