// libFuzzer: whatever bytes a client sends, the reader neither crashes nor hangs, and harmOf() finds nothing.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kubelet/web/request_check.h"

// The first byte says how the rest is cut into pieces.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string harm = cubelet::web::harmOf(bytes, std::size_t{1} + data[0]);
  if (harm.empty()) return 0;
  std::fprintf(stderr, "the reader %s\n", harm.c_str());
  std::abort();
}
