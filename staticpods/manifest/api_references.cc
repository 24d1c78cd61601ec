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
  bool canBeLocal = false;
};

// Types that are references, wherever they stand in a pod.
constexpr std::array kReferringTypes{
    Kind{"SecretVolumeSource", "secrets", true},
    Kind{"SecretProjection", "secrets", true},
    Kind{"SecretEnvSource", "secrets", true},
    Kind{"SecretKeySelector", "secrets", true},
    Kind{"ConfigMapVolumeSource", "configmaps", true},
    Kind{"ConfigMapProjection", "configmaps", true},
    Kind{"ConfigMapEnvSource", "configmaps", true},
    Kind{"ConfigMapKeySelector", "configmaps", true},
    Kind{"AzureFileVolumeSource", "secrets (via azureFile volumes)"},
    Kind{"PersistentVolumeClaimVolumeSource", "persistentvolumeclaims", true},
    Kind{"EphemeralVolumeSource", "persistentvolumeclaims (via ephemeral volumes)"},
    Kind{"CSIVolumeSource", "csidrivers (via CSI volumes)", true},
    Kind{"GlusterfsVolumeSource", "endpoints (via glusterFS volumes)"},
    Kind{"ServiceAccountTokenProjection", "serviceaccounts (via projected volumes)"},
    Kind{"ClusterTrustBundleProjection", "clustertrustbundles"},
    Kind{"PodCertificateProjection", "podcertificates"},
    Kind{"PodResourceClaim", "resourceclaims"},
};

// Fields of a general type that are references by their name.
constexpr std::array kReferringFields{
    Kind{"imagePullSecrets", "secrets", true},
    Kind{"secretRef", "secrets"},
    Kind{"serviceAccountName", "serviceaccounts"},
    Kind{"serviceAccount", "serviceaccounts"},
};

// Members that JSON writes into their parent: they have no name of their own in a path.
constexpr std::array<std::string_view, 4> kInlined{"volumeSource", "handler", "ephemeralContainerCommon",
                                                   "localObjectReference"};

template <std::size_t n>
const Kind* lookUp(const std::array<Kind, n>& table, std::string_view name) {
  for (const Kind& row : table)
    if (row.name == name) return &row;
  return nullptr;
}

// Null for a field that refers to nothing.
const Kind* kindOf(const FieldDescriptor& field) {
  if (field.message_type() != nullptr)
    if (const Kind* kind = lookUp(kReferringTypes, field.message_type()->name())) return kind;
  return lookUp(kReferringFields, field.name());
}

bool isInlined(const FieldDescriptor& field) {
  for (const std::string_view name : kInlined)
    if (field.name() == name) return true;
  return false;
}

class Finder {
 public:
  explicit Finder(References references) : references_(references) {}
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
    const Kind* kind = kindOf(field);
    if (kind == nullptr && value != nullptr) walk(*value, path);
    if (kind == nullptr || (kind->canBeLocal && references_ == References::kLocal)) return;
    add(path, kind->kind);
  }

  void add(const std::string& path, std::string_view kind) {
    api::Problem problem;
    problem.path = path;
    problem.message = "static pods may not reference " + std::string(kind);
    problems_.push_back(std::move(problem));
  }

  References references_;
  std::vector<api::Problem> problems_;
};

}  // namespace

std::vector<api::Problem> findApiReferences(const core::Pod& pod, References references) {
  Finder finder(references);
  finder.walk(pod.spec(), "spec");
  return finder.take();
}

}  // namespace cubelet::staticpods
