// Resource: where the objects of one kind stand in the API server's paths.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cubelet::apiserver {

// `text` with everything but letters, digits and -._~ as %XX: for one segment of a path or one value of a query.
std::string escaped(std::string_view text);

// Appended to a path: "?watch=true&fieldSelector=spec.nodeName%3Dn1". Values are escaped, names are not.
using Query = std::vector<std::pair<std::string, std::string>>;
std::string withQuery(std::string path, const Query& query);

struct Resource {
  std::string_view group;  // "" for core
  std::string_view version;
  std::string_view plural;  // "pods"
  bool namespaced = true;

  // "/api/v1/namespaces/kube-system/pods"; with ns "" those of all namespaces. The namespace counts only for resources
  // that have one.
  std::string collection(std::string_view ns = "") const;
  // "/api/v1/namespaces/kube-system/pods/dns/status"
  std::string object(std::string_view ns, std::string_view name, std::string_view subresource = "") const;
};

inline constexpr Resource kNodes{"", "v1", "nodes", false};
inline constexpr Resource kPods{"", "v1", "pods", true};
inline constexpr Resource kServices{"", "v1", "services", true};
inline constexpr Resource kConfigMaps{"", "v1", "configmaps", true};
inline constexpr Resource kSecrets{"", "v1", "secrets", true};
inline constexpr Resource kServiceAccounts{"", "v1", "serviceaccounts", true};
inline constexpr Resource kPersistentVolumeClaims{"", "v1", "persistentvolumeclaims", true};
inline constexpr Resource kPersistentVolumes{"", "v1", "persistentvolumes", false};
inline constexpr Resource kEvents{"", "v1", "events", true};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", true};
inline constexpr Resource kCertificateSigningRequests{"certificates.k8s.io", "v1", "certificatesigningrequests", false};
inline constexpr Resource kTokenReviews{"authentication.k8s.io", "v1", "tokenreviews", false};
inline constexpr Resource kSubjectAccessReviews{"authorization.k8s.io", "v1", "subjectaccessreviews", false};
inline constexpr Resource kCsiNodes{"storage.k8s.io", "v1", "csinodes", false};
inline constexpr Resource kCsiDrivers{"storage.k8s.io", "v1", "csidrivers", false};
inline constexpr Resource kVolumeAttachments{"storage.k8s.io", "v1", "volumeattachments", false};
inline constexpr Resource kRuntimeClasses{"node.k8s.io", "v1", "runtimeclasses", false};

}  // namespace cubelet::apiserver
