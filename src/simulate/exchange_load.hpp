// What does one exchange ask of the machine? Few numbers of a byte matrix, which a fitted model multiplies.
//
// MPI sends a short message at once (eager) and asks before a long one (rendezvous); the limits are settings
// of its transports, hence breakpoints that are known, not fitted. Bytes count where they are most: at the
// busiest resource of every class ("rank # in", "node # NIC out", ...), described or not.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "simulate/cost_model.hpp"

namespace moewire {

// The longest message that goes without asking: the transport's limit less the header that counts towards it.
// Source: Open MPI 4.1, `ompi_info --param btl all --level 9`: btl_vader_eager_limit, btl_tcp_eager_limit;
// ob1's header.
inline constexpr std::int64_t eager_header_bytes = 64;
struct EagerLimits {
    std::int64_t within_node_bytes = 4096 - eager_header_bytes;
    std::int64_t between_nodes_bytes = 65536 - eager_header_bytes;
    friend bool operator==(EagerLimits const&, EagerLimits const&) = default;
};

// Message sizes at which a transport changes its ways. Unit: bytes.
std::vector<std::int64_t> edges_of(EagerLimits const& limits);

enum class Regime { nothing, eager, mixed, rendezvous };
std::string_view name_of(Regime regime);
Regime regime_of(std::string const& name);  // Throws: usage (source "calibration").

struct ExchangeLoad {
    double eager_messages = 0, rendezvous_messages = 0;  // the most that one rank sends and receives together
    std::map<std::string, double> bytes;                 // class -> bytes at its busiest member
    double busiest_bytes = 0;                            // busiest port, for the hull
    Regime regime = Regime::nothing;
};

// Classes that are always there: "rank # out", "rank # in", "rank # both" (out and in: roads that do not
// carry both ways at full rate), "pair # both" (of one connection), "rank # self", "node # both" and "node #
// cores" (both and self: what its processors must copy), and those of the topology's resources.
ExchangeLoad load_of(Scenario const& scenario, EagerLimits const& limits);

}  // namespace moewire
