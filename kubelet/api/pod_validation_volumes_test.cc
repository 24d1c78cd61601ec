#include "kubelet/api/pod_validation_test.h"

namespace cubelet::api::validation_test {
namespace {

class VolumeValidation : public testing::TestWithParam<Case> {};

TEST_P(VolumeValidation, FindsExactlyThese) {
  expectProblems(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Volumes, VolumeValidation,
    testing::Values(
        inSpec("Names", "volumes { name: 'v' } volumes { name: 'v' } volumes {} volumes { name: 'A' }",
               {"spec.volumes[1].name: Duplicate value: \"v\"", "spec.volumes[2].name: Required value",
                "spec.volumes[3].name: Invalid value: \"A\""}),
        inVolume("MoreThanOneSource", "hostPath { path: '/x' } emptyDir {} secret { secretName: 's' }",
                 {kV + "emptyDir: Forbidden: may not specify more than 1 volume type", kV + "secret: Forbidden"}),
        inVolume("HostPathMissing", "hostPath {}", {kV + "hostPath.path: Required value"}),
        inVolume("HostPath", "hostPath { path: '/a/../b' type: 'Dir' }",
                 {kV + "hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
                  kV + "hostPath.type: Unsupported value: \"Dir\": supported values: \"\", \"BlockDevice\""}),
        inVolume("HostPathDots", "hostPath { path: '/a/..b/c..' type: 'DirectoryOrCreate' }", {}),
        inVolume("EmptyDir", "emptyDir { sizeLimit { string: '-1' } }",
                 {kV + "emptyDir.sizeLimit: Invalid value: \"-1\": must be a valid resource quantity"}),
        inVolume("EmptyDirNonsense", "emptyDir { sizeLimit { string: 'big' } }",
                 {kV + "emptyDir.sizeLimit: Invalid value: \"big\""}),
        inVolume("Secret",
                 "secret { defaultMode: 512 items { key: 'a' path: '../b' mode: -1 } items { path: '/x' } items { key: "
                 "'k' path: '..d' } }",
                 {kV + "secret.secretName: Required value",
                  kV + "secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal)",
                  kV + "secret.items[0].path: Invalid value: \"../b\": must not contain '..'",
                  kV + "secret.items[0].mode: Invalid value: -1", kV + "secret.items[1].key: Required value",
                  kV + "secret.items[1].path: Invalid value: \"/x\": must be a relative path",
                  kV + "secret.items[2].path: Invalid value: \"..d\": must not start with '..'"}),
        inVolume("ConfigMap", "configMap { items { key: 'a' } }",
                 {kV + "configMap.name: Required value", kV + "configMap.items[0].path: Required value"}),
        inVolume("DownwardApi",
                 "downwardAPI { items { path: 'a' } items { path: 'b' fieldRef { fieldPath: 'status.podIP' } } "
                 "items { path: 'c' resourceFieldRef { resource: 'limits.cpu' } } items { path: 'd' fieldRef { "
                 "fieldPath: 'metadata.labels' } } }",
                 {kV + "downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required",
                  kV + "downwardAPI.items[1].fieldRef.fieldPath: Unsupported value: \"status.podIP\"",
                  kV + "downwardAPI.items[2].resourceFieldRef.containerName: Required value"}),
        inVolume("Projected",
                 "projected { sources { secret { localObjectReference { name: 's' } items { key: 'a' path: 'x' } } } "
                 "sources { configMap { items { key: 'a' path: 'x' } } downwardAPI { items { path: 'y' fieldRef { "
                 "fieldPath: 'metadata.name' } } } } "
                 "sources { serviceAccountToken { path: 't' expirationSeconds: 599 } } }",
                 {kV + "projected.sources[1].configMap.name: Required value",
                  kV +
                      "projected.sources[1].configMap.items[0].path: Invalid value: \"x\": conflicting duplicate paths",
                  kV + "projected.sources[1]: Forbidden: may not specify more than 1 volume type per source",
                  kV + "projected.sources[2].serviceAccountToken.expirationSeconds: Invalid value: 599: may not "
                       "specify a duration less",
                  kV + "projected.sources[2].serviceAccountToken: Forbidden: must not be specified when "
                       "serviceAccountName is not set"}),
        inVolume("TrustBundles",
                 "projected { sources { clusterTrustBundle { path: 'a' } } sources { clusterTrustBundle { name: 'n' "
                 "signerName: 'e.com/s' path: 'b' } } "
                 "sources { clusterTrustBundle { signerName: 'nodomain' path: 'c' } } sources { clusterTrustBundle { "
                 "name: 'n' labelSelector {} } } }",
                 {kV + "projected.sources[0].clusterTrustBundle: Required value: either name or signerName",
                  kV + "projected.sources[1].clusterTrustBundle: Invalid value: \"n\": only one of name and signerName",
                  kV + "projected.sources[2].clusterTrustBundle.signerName: Invalid value: \"nodomain\"",
                  kV + "projected.sources[3].clusterTrustBundle.labelSelector: Forbidden",
                  kV + "projected.sources[3].clusterTrustBundle.path: Required value"}),
        inVolume(
            "PodCertificate",
            "projected { sources { podCertificate { signerName: 'e.com/s' keyType: 'DSA' maxExpirationSeconds: 60 } } "
            "sources { podCertificate { signerName: 'e.com/s' keyType: 'ED25519' credentialBundlePath: 'b' } } }",
            {kV + "projected.sources[0].podCertificate.keyType: Unsupported value: \"DSA\"",
             kV + "projected.sources[0].podCertificate.maxExpirationSeconds: Invalid value: 60",
             kV + "projected.sources[0].podCertificate: Required value"}),
        inVolume("Csi", "csi { driver: 'a_b' nodePublishSecretRef {} }",
                 {kV + "csi.driver: Invalid value: \"a_b\"", kV + "csi.nodePublishSecretRef.name: Required value"}),
        inVolume("CsiUpperCase", "csi { driver: 'Hostpath.CSI.k8s.io' }", {}),
        inVolume("Claim", "persistentVolumeClaim {}", {kV + "persistentVolumeClaim.claimName: Required value"}),
        inSpec(
            "ClaimOfEphemeralVolume",
            "volumes { name: 'v' volumeSource { persistentVolumeClaim { claimName: 'web-e' } } } "
            "volumes { name: 'e' volumeSource { ephemeral { volumeClaimTemplate { spec { accessModes: 'ReadWriteOnce' "
            "resources { requests { key: 'storage' value { string: '1Gi' } } } } } } } }",
            {kV +
             "persistentVolumeClaim.claimName: Invalid value: \"web-e\": must not reference a PVC that gets created"}),
        inVolume("Ephemeral",
                 "ephemeral { volumeClaimTemplate { metadata { name: 'x' } spec { accessModes: 'ReadWriteOncePod' "
                 "accessModes: 'Any' volumeMode: 'Tape' } } }",
                 {kV + "ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
                  kV + "ephemeral.volumeClaimTemplate.spec.accessModes[1]: Unsupported value: \"Any\"",
                  kV + "ephemeral.volumeClaimTemplate.spec.accessModes: Forbidden: may not use ReadWriteOncePod",
                  kV + "ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value",
                  kV + "ephemeral.volumeClaimTemplate.spec.volumeMode: Unsupported value: \"Tape\""}),
        inVolume("Image", "image { pullPolicy: 'Often' }",
                 {kV + "image.reference: Required value", kV + "image.pullPolicy: Unsupported value: \"Often\""})),
    nameOf);

INSTANTIATE_TEST_SUITE_P(
    OldVolumes, VolumeValidation,
    testing::Values(
        inVolume("Nfs", "nfs { server: 's' path: 'x' }",
                 {kV + "nfs.path: Invalid value: \"x\": must be an absolute path"}),
        inVolume("Iscsi", "iscsi { iqn: 'iqn.2001-4.com:x' lun: 256 chapAuthSession: true }",
                 {kV + "iscsi.targetPortal: Required value", kV + "iscsi.iqn: Invalid value: \"iqn.2001-4.com:x\"",
                  kV + "iscsi.lun: Invalid value: 256: must be between 0 and 255",
                  kV + "iscsi.secretRef: Required value"}),
        inVolume("IscsiRight",
                 "iscsi { targetPortal: '1.2.3.4:3260' iqn: 'iqn.2001-04.com.example:storage.disk2' initiatorName: "
                 "'eui.02004567A425678D' }",
                 {}),
        inVolume("Fc", "fc { targetWWNs: 'a' }",
                 {kV + "fc.lun: Required value: lun is required if targetWWNs is specified"}),
        inVolume("FcBoth", "fc { targetWWNs: 'a' wwids: 'b' lun: 0 }",
                 {kV + "fc.targetWWNs: Required value: must specify either"}),
        inVolume("Gce", "gcePersistentDisk { partition: 256 }",
                 {kV + "gcePersistentDisk.pdName: Required value",
                  kV + "gcePersistentDisk.partition: Invalid value: 256"}),
        inVolume("GitRepo", "gitRepo { repository: 'r' directory: '..' }",
                 {kV + "gitRepo.directory: Invalid value: \"..\""}),
        inVolume("Rbd", "rbd {}", {kV + "rbd.monitors: Required value", kV + "rbd.image: Required value"}),
        inVolume("CephFs", "cephfs {}", {kV + "cephfs.monitors: Required value"}),
        inVolume("Flex", "flexVolume { options { key: 'x.K8s.io/y' value: '' } options { key: 'fine' value: '' } }",
                 {kV + "flexVolume.driver: Required value",
                  kV + "flexVolume.options[x.K8s.io/y]: Invalid value: \"x.K8s.io/y\""}),
        inVolume("AzureDisk", "azureDisk { diskName: 'd' diskURI: 'http://x' kind: 'Managed' cachingMode: 'All' }",
                 {kV + "azureDisk.cachingMode: Unsupported value: \"All\"",
                  kV + "azureDisk.diskURI: Invalid value: \"http://x\""}),
        inVolume("Flocker", "flocker { datasetName: 'a/b' datasetUUID: 'u' }",
                 {kV + "flocker: Required value: exactly one of", kV + "flocker.datasetName: Invalid value: \"a/b\""}),
        inVolume("Quobyte", "quobyte { registry: 'host' }",
                 {kV + "quobyte.registry: Invalid value: \"host\"", kV + "quobyte.volume: Required value"}),
        inVolume("StorageOs", "storageos { volumeName: 'A' secretRef {} }",
                 {kV + "storageos.volumeName: Invalid value: \"A\"", kV + "storageos.secretRef.name: Required value"}),
        inVolume("ScaleIo", "scaleIO { gateway: 'g' }",
                 {kV + "scaleIO.system: Required value", kV + "scaleIO.volumeName: Required value"}),
        inVolume("OthersNeedTheirNames", "portworxVolume {}", {kV + "portworxVolume.volumeID: Required value"})),
    nameOf);

}  // namespace
}  // namespace cubelet::api::validation_test
