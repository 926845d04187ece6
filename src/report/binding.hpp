// Who is waited for? The rank that ends exchanges last, the one that comes last to them, and the resource
// that carries the most for what it can.
#pragma once

#include <optional>
#include <string>

#include "trace/trace_reader.hpp"

namespace moewire {

struct Binding {
    std::size_t rank = 0;  // the slowest of most exchanges; of equals the first
    double share = 0;      // of all exchanges of all iterations
    std::size_t ranks = 1;
    std::string
        resource;  // the most loaded resource of the described machine; empty where the trace is silent
};

// Who keeps the others waiting before an exchange begins.
struct Lateness {
    std::size_t rank = 0;  // enters most exchanges last; of equals the first
    double share = 0;      // of all exchanges of all iterations
    std::size_t ranks = 1;
    double behind_s = 0;  // after the one that entered before it: the median of those exchanges
    struct OnPurpose {
        std::size_t rank;
        double by_s;
    };
    std::optional<OnPurpose> made;  // of a replay under --delay
};

// Of a measured case.
Lateness lateness_of(Record const& record);
Binding binding_of(Record const& record);

}  // namespace moewire
