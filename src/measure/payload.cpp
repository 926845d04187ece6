#include "measure/payload.hpp"

#include <algorithm>
#include <cstring>

#include "base/contract.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {

std::uint64_t pattern_seed(RowStamp const& stamp, RowKind kind) {
    std::uint64_t const place = (std::uint64_t{stamp.source_rank} << 32) | stamp.expert;
    return mix64(mix64(place) ^ stamp.assignment_row) ^ mix64(static_cast<std::uint64_t>(kind));
}

// Calls visit(offset, word, bytes) for each piece of the row behind the stamp.
template <class Visit>
bool for_each_word(std::size_t row_bytes, std::uint64_t seed, Visit const& visit) {
    for (std::size_t at = sizeof(RowStamp); at < row_bytes; at += sizeof(std::uint64_t)) {
        std::uint64_t const word = mix64(seed + at);
        if (!visit(at, word, std::min(sizeof word, row_bytes - at))) return false;
    }
    return true;
}

}  // namespace

void write_row(std::span<std::byte> row, RowStamp const& stamp, RowKind kind) {
    MOEWIRE_EXPECT(row.size() >= sizeof(RowStamp));
    std::memcpy(row.data(), &stamp, sizeof stamp);
    for_each_word(row.size(), pattern_seed(stamp, kind),
                  [&](std::size_t at, std::uint64_t word, std::size_t bytes) {
                      std::memcpy(row.data() + at, &word, bytes);
                      return true;
                  });
}

RowStamp read_stamp(std::span<std::byte const> row) {
    RowStamp stamp;
    std::memcpy(&stamp, row.data(), sizeof stamp);
    return stamp;
}

bool row_is_intact(std::span<std::byte const> row, RowKind kind) {
    return for_each_word(row.size(), pattern_seed(read_stamp(row), kind),
                         [&](std::size_t at, std::uint64_t word, std::size_t bytes) {
                             return std::memcmp(row.data() + at, &word, bytes) == 0;
                         });
}

}  // namespace moewire
