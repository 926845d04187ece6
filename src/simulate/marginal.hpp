// How long must an exchange take when nobody can write its matrix down? The bound of 100,000 ranks and more,
// from what each rank sends and receives in all.
//
// A byte's destination does not depend on its source: bytes(i, j) = out(i) x in(j) / total, as in routing
// whose tokens are alike on all ranks. Then what crosses a card, a leaf or a wide-area link follows from sums
// over the ranks below it, and nodes that are alike are one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "simulate/cost_model.hpp"
#include "topology/machine.hpp"

namespace moewire {

// What one rank sends and receives in all, its own bytes included. Unit: bytes.
struct RankLoad {
    double out_bytes = 0, in_bytes = 0;
    friend bool operator==(RankLoad const&, RankLoad const&) = default;
};

// `nodes` neighbours that are alike.
struct NodeClass {
    std::int64_t nodes = 0;
    std::vector<RankLoad> ranks;  // of one node
};

// Nodes in the order of their numbers.
struct MarginalTraffic {
    std::vector<NodeClass> classes;
    std::int64_t ranks() const;
    double total_bytes() const;
};

// Cuts ranks into nodes as the description says (one node where it says nothing) and collapses equal
// neighbours. Throws: usage (source "simulate"), when ranks send more or less than all receive.
MarginalTraffic collapse(MachineDescription const& machine, std::span<RankLoad const> loads);

// The bound of resource_bound for this traffic. Throws: usage (source "simulate"), for a product network,
// whose links do not form a tree.
Bound marginal_bound(MachineDescription const& machine, MarginalTraffic const& traffic);

}  // namespace moewire
