// Which exchanges tell a machine's parameters apart? Small patterns, in sizes on both sides of every edge.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/grid.hpp"
#include "simulate/exchange_load.hpp"

namespace moewire {

struct Probe {
    std::string pattern;  // "empty", "self", "pair", "one-to-2", "2-to-one", "uniform", "permutation",
                          // "drawn", "popular"
    Grid<std::uint64_t, 2> bytes;  // Shape: [source, destination]; whole rows
    std::string name() const;      // the pattern and its largest message
};

// Messages between least and most: three or more between any two edges (MPI's: eager within a node, eager
// between nodes, rendezvous), and both sides of each edge. Rounded to rows, ascending, each once. Unit:
// bytes.
std::vector<std::uint64_t> message_sizes(std::span<std::int64_t const> edges_bytes, std::int64_t row_bytes,
                                         std::uint64_t least_bytes, std::uint64_t most_bytes);

// Every pattern in every size: nothing, own bytes alone, one pair near and one far, one to k and k to one (k
// up to all others), uniform, a shift by every distance, drawn ones, in which every pair has its own size,
// and popular ones, in which all send alike, to some ranks more than to others, and the way back of that. Fit
// and intervals hold for traffic like that of the probes: without these they would be those of patterns that
// no router makes. `node_of_rank` tells near from far.
std::vector<Probe> probes_for(std::vector<int> const& node_of_rank, std::span<std::int64_t const> edges_bytes,
                              std::int64_t row_bytes, std::uint64_t least_bytes, std::uint64_t most_bytes);

}  // namespace moewire
