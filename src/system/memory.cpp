#include "system/memory.hpp"

#include <cstdlib>  // defines __GLIBC__ where it is

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace moewire {

void keep_freed_memory() {
#ifdef __GLIBC__
    constexpr int largest_kept_bytes = 32 << 20;  // the most that glibc takes for this threshold
    constexpr int most_idle_bytes = 512 << 20;    // at the heap's end, before it goes back to the kernel
    mallopt(M_MMAP_THRESHOLD, largest_kept_bytes);
    mallopt(M_TRIM_THRESHOLD, most_idle_bytes);
#endif
}

}  // namespace moewire
