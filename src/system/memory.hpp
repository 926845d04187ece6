// How does this process keep its memory?
#pragma once

namespace moewire {

// Freed blocks up to 32 MiB stay with the process for the next allocation. Without this, every large
// temporary of a layer is a fresh mapping whose pages the kernel clears on first touch: a fifth of a forward
// pass, and noise in every step time. Call first, before other threads start. Nothing where the C library is
// not glibc.
void keep_freed_memory();

}  // namespace moewire
