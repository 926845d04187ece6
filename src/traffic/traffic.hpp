// How many bytes go where? The byte matrix of every layer, from demand and assignment.
#pragma once

#include <cstdint>
#include <vector>

#include "assignment/assignment.hpp"
#include "base/grid.hpp"
#include "routing/routing.hpp"

namespace moewire {

// Bytes of the dispatch of every layer; the combine sends the same rows back (the transpose).
struct Traffic {
    std::int64_t row_bytes = 0;  // one token's payload: hidden size x element size
    Grid<std::uint64_t, 3>
        bytes;  // Shape: [layer, source rank, destination rank]; the diagonal stays at home

    std::size_t layers() const { return bytes.extent(0); }
    int ranks() const { return static_cast<int>(bytes.extent(1)); }
    Grid<std::uint64_t, 2> dispatch(LayerId layer) const;  // Shape: [source, destination]
    Grid<std::uint64_t, 2> combine(LayerId layer) const;   // the transpose
};

// Payload `per_expert`: a token travels once for every expert that it chose; copies as the assignment's rule
// chooses them. Throws: contract, when shapes disagree.
Traffic traffic_per_expert(Demand const& demand, Assignment const& assignment, std::int64_t row_bytes);

// Tokens that arrive at each rank. Shape: [layer, rank]. Unit: tokens.
Grid<std::int64_t, 2> received_tokens(Demand const& demand, Assignment const& assignment);

// What each rank's port carries in one exchange; bytes from a rank to itself cross no port.
struct PortLoad {
    std::vector<std::uint64_t> out_bytes;
    std::vector<std::uint64_t> in_bytes;
    std::uint64_t busiest_bytes() const;  // the largest of all
};

// Shape of `bytes`: [source, destination].
PortLoad port_load(Grid<std::uint64_t, 2> const& bytes);

// Throws: failure (source "traffic"), unless every rank expects just what the others send it: a mismatch
// would hang the exchange. Shapes: [source, destination] and [destination, source].
void expect_transposed(Grid<std::uint64_t, 2> const& sent, Grid<std::uint64_t, 2> const& received,
                       LayerId layer);

}  // namespace moewire
