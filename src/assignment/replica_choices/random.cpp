// A copy drawn for every row, from a hash of the seed and the row's place. Source: SGLang's dynamic dispatch.
#include "base/random.hpp"

#include "assignment/replica_choice.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

void choose(CopyRequest const& r, std::span<std::int32_t> slot_of_row) {
    // Not from the layer: a plan of several batches and its slice for one of them must agree.
    auto const place = mix64(mix64(r.assignment.rule().seed ^ index_of(r.source)) ^ index_of(r.expert));
    for (std::size_t row = 0; row < slot_of_row.size(); ++row)
        slot_of_row[row] = r.copies[mix64(place ^ row) % r.copies.size()];
}

bool const registered =
    register_in<ReplicaChoice>("random", "A copy drawn for every row, by a seeded hash.", {choose});

}  // namespace
}  // namespace moewire
