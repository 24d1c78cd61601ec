#include "kubelet/main/memory.h"

#include <cstddef>
#include <cstdint>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace cubelet {
namespace {

// Above it a buffer is a mapping of its own, which costs only the pages that were written and goes back to the kernel
// when it is freed. Setting it also stops glibc from raising it: the HTTP client's read buffers (512 KiB for each
// request, hardly ever filled) would end up in the heap and stay there.
constexpr int kOwnMappingFrom = 128 * 1024;

// Parts of a program or library that are never written: code and constants.
int releaseReadOnlyParts(dl_phdr_info* object, std::size_t /*size*/, void* /*data*/) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    // Whole pages only: the last one may be shared with what follows.
    const std::uintptr_t begin = (object->dlpi_addr + part.p_vaddr + page - 1) & ~(page - 1);
    const std::uintptr_t end = (object->dlpi_addr + part.p_vaddr + part.p_memsz) & ~(page - 1);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses are numbers in program headers
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void configureMemory() {
  // One arena: the few short-lived threads beside the loop must not each keep a heap of their own.
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, kOwnMappingFrom);
}

void releaseUnusedMemory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(&releaseReadOnlyParts, nullptr);
}

}  // namespace cubelet
