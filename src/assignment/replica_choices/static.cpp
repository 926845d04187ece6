// Every source always uses one copy: its own, else one on its node, else by its rank. Locality before
// balance. Source: SGLang's static dispatch (expert_location_dispatch.py).
#include "assignment/replica_choice.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

void choose(CopyRequest const& r, std::span<std::int32_t> slot_of_row) {
    auto const& nodes = r.assignment.rule().node_of_rank;
    auto const node_of = [&](RankId rank) { return nodes.empty() ? 0 : nodes[index_of(rank)]; };
    std::vector<std::int32_t> near;
    for (auto const slot : r.copies) {
        auto const rank = r.assignment.rank_of(r.layer, SlotId{slot});
        if (rank == r.source) {
            near = {slot};
            break;
        }
        if (node_of(rank) == node_of(r.source)) near.push_back(slot);
    }
    if (near.empty()) near.assign(r.copies.begin(), r.copies.end());
    // Sources take turns at the copies; the expert shifts them, or the last copies would serve fewer sources
    // of every expert.
    auto const chosen = near[(index_of(r.source) + index_of(r.expert)) % near.size()];
    std::fill(slot_of_row.begin(), slot_of_row.end(), chosen);
}

bool const registered = register_in<ReplicaChoice>(
    "static", "Each source rank keeps to one copy: its own, else one on its node.", {choose});

}  // namespace
}  // namespace moewire
