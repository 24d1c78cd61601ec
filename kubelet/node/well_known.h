// Names on Node objects that Kubernetes gives a meaning.
#pragma once

namespace cubelet::node {

inline constexpr char kHostnameLabel[] = "kubernetes.io/hostname";
inline constexpr char kOsLabel[] = "kubernetes.io/os";
inline constexpr char kArchLabel[] = "kubernetes.io/arch";
inline constexpr char kOldOsLabel[] = "beta.kubernetes.io/os";
inline constexpr char kOldArchLabel[] = "beta.kubernetes.io/arch";

inline constexpr char kAttachAnnotation[] = "volumes.kubernetes.io/controller-managed-attach-detach";
inline constexpr char kProvidedNodeIpAnnotation[] = "alpha.kubernetes.io/provided-node-ip";

inline constexpr char kUninitializedTaint[] = "node.cloudprovider.kubernetes.io/uninitialized";

inline constexpr char kLeaseNamespace[] = "kube-node-lease";

}  // namespace cubelet::node
