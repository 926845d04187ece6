// Rows take turns at the copies; sources start at different ones, or all first rows would meet.
#include "assignment/replica_choice.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

void choose(CopyRequest const& r, std::span<std::int32_t> slot_of_row) {
    for (std::size_t row = 0; row < slot_of_row.size(); ++row)
        slot_of_row[row] = r.copies[(row + index_of(r.source)) % r.copies.size()];
}

bool const registered =
    register_in<ReplicaChoice>("round_robin", "Rows take turns at the copies; equal shares.", {choose});

}  // namespace
}  // namespace moewire
