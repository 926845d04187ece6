// Did every byte arrive where it should? Stamped rows that know their source, token and expert.
#pragma once

#include <cstdint>
#include <span>

#include "base/ids.hpp"

namespace moewire {

// What a row says of itself. 16 bytes at its start; the rest of the row is a pattern drawn from them.
struct RowStamp {
    std::uint32_t source_rank = 0;
    std::uint32_t expert = 0;
    std::uint64_t assignment_row = 0;  // token * top_k + choice on the source rank
    friend bool operator==(RowStamp const&, RowStamp const&) = default;
};

// A row on its way to the expert, and the expert's answer: the same stamp, another pattern.
enum class RowKind : std::uint64_t { question = 0x51, answer = 0xA7 };

// The least row that can carry a stamp.
inline constexpr std::int64_t least_row_bytes = sizeof(RowStamp);

// Fills the whole row. Throws: contract, when it is shorter than a stamp.
void write_row(std::span<std::byte> row, RowStamp const& stamp, RowKind kind);

// The stamp of a row; nothing is checked.
RowStamp read_stamp(std::span<std::byte const> row);

// Is every byte of the row as write_row left it?
bool row_is_intact(std::span<std::byte const> row, RowKind kind);

}  // namespace moewire
