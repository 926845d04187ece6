// Which sizes are swept? Numbers as people type them, and ladders that are not powers of two alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moewire {

// "8", "1K", "32M", "1G": powers of 1024, as in nccl-tests. `option` is for messages.
// Throws: usage, when it is no such number, 0, or above 1 TiB.
std::uint64_t parse_size(std::string const& text, std::string const& option);

// What one rank sends to each of `ranks`, itself included: size / ranks, rounded down to whole rows.
std::uint64_t bytes_per_peer(std::uint64_t size_bytes, int ranks, std::int64_t row_bytes);

// min, min x factor, ... up to max, and after each another size of about 11/8 of it, with an odd number of
// rows for each peer: where performance falls off powers of two, a ladder of powers alone does not show it.
std::vector<std::uint64_t> size_ladder(std::uint64_t min_bytes, std::uint64_t max_bytes, std::int64_t factor,
                                       int ranks, std::int64_t row_bytes);

}  // namespace moewire
