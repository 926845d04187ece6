// What may a function rely on? Contracts: checked in debug builds, free in release builds.
#pragma once

#include <source_location>

namespace moewire {

// Throws Error (kind failure, source "contract"): a mistake of ours, never of the user.
[[noreturn]] void contract_broken(char const* condition,
                                  std::source_location where = std::source_location::current());

}  // namespace moewire

#ifdef NDEBUG
// Unevaluated, so that a release build pays nothing and still compiles the condition.
#define MOEWIRE_EXPECT(condition) ((void)sizeof(!(condition)))
#else
#define MOEWIRE_EXPECT(condition) ((condition) ? (void)0 : ::moewire::contract_broken(#condition))
#endif
