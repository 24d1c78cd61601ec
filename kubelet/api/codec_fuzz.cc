// libFuzzer: whatever the bytes are, the codec neither crashes nor hangs, and what it accepted survives being written
// and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "kubelet/api/codec.h"
#include "proto/k8s/core.pb.h"

using namespace cubelet::api;

namespace {

k8s::core::v1::Pod decodeAll(std::string_view text, bool& good) {
  std::vector<Problem> problems;
  k8s::core::v1::Pod pod;
  good = false;
  for (Document& document : parseDocuments(text, {}, problems)) {
    lineOf(document, "spec.containers[0].env[1].value");
    for (const Document& item : expandLists(std::move(document), problems))
      good = decode(item, UnknownFields::kReject, pod, problems);
  }
  return pod;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bool good = false;
  k8s::core::v1::Pod pod = decodeAll({reinterpret_cast<const char*>(data), size}, good);
  if (!good) return 0;
  std::string json = toJson(pod);
  bool goodJson = false;
  bool goodYaml = false;
  if (toJson(decodeAll(json, goodJson)) != json || !goodJson) std::abort();
  if (toJson(decodeAll(toYaml(pod), goodYaml)) != json || !goodYaml) std::abort();
  return 0;
}
