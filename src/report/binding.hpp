// Who is waited for? The rank that ends exchanges last, and the resource that carries the most for what it
// can.
#pragma once

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

// Of a measured case.
Binding binding_of(Record const& record);

}  // namespace moewire
