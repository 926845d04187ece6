// Which loops may use the processor's wider vectors? A function with this mark is compiled twice, and the
// program chooses when it starts; where that cannot be, it is compiled once.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define MOEWIRE_VECTORS [[gnu::target_clones("avx2", "default")]]
#else
#define MOEWIRE_VECTORS
#endif
