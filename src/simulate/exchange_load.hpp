// What does one exchange ask of the machine? Few numbers of a byte matrix, which a fitted model multiplies.
//
// MPI sends a short message at once (eager) and asks before a long one (rendezvous); NCCL sends a short one
// by a protocol of its own (LL, here: eager), cuts a long one over channels, and fills a pipeline of chunks.
// The limits are settings and rules, hence breakpoints that are known, not fitted. Bytes count where they are
// most: at the busiest resource of every class ("rank # in", "node # NIC out", ...), described or not.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulate/cost_model.hpp"
#include "simulate/nccl_rules.hpp"

namespace moewire {

// The longest message that goes without asking: the transport's limit less the header that counts towards it.
// Source: Open MPI 4.1, `ompi_info --param btl all --level 9`: btl_vader_eager_limit, btl_tcp_eager_limit;
// ob1's header.
inline constexpr std::int64_t eager_header_bytes = 64;
struct EagerLimits {
    std::int64_t within_node_bytes = 4096 - eager_header_bytes;
    std::int64_t between_nodes_bytes = 65536 - eager_header_bytes;
    std::optional<NcclJob> nccl = std::nullopt;  // between GPUs: its rules, whatever the two above say
    friend bool operator==(EagerLimits const&, EagerLimits const&) = default;
};

// Message sizes at which a transport changes its ways: MPI's limits, or NCCL's protocol and every doubling of
// channels. Ascending. Unit: bytes.
std::vector<std::int64_t> edges_of(EagerLimits const& limits);

enum class Regime { nothing, eager, mixed, rendezvous };
std::string_view name_of(Regime regime);
Regime regime_of(std::string const& name);  // Throws: usage (source "calibration").

struct ExchangeLoad {
    // The most that one rank must start one after another, sent and received together: all of MPI's; of
    // NCCL's those that share their busiest channel, were they spread evenly.
    double eager_messages = 0, rendezvous_messages = 0;
    std::map<std::string, double> bytes;  // class -> bytes at its busiest member
    double busiest_bytes = 0;             // busiest port, for the hull
    double pairs = 0;                     // part of all pairs of ranks that exchange something
    // Of NCCL's messages beyond LL: the largest part that one channel carries, and what of it goes by before
    // its pipeline is full (at most a chunk).
    double channel_bytes = 0, fill_bytes = 0;
    Regime regime = Regime::nothing;
    // Does nothing move, not even within a rank?
    bool is_empty() const;
};

// Classes that are always there: "rank # out", "rank # in", "rank # both" (out and in: roads that do not
// carry both ways at full rate), "rank # self", and those of the topology's resources. With NCCL "message #
// LL": the longest one. With MPI "pair # both" (of one connection), "node # both", "node # cores" (both and
// self: what its processors must copy), and of rendezvous between nodes, whose go-ahead queues behind what
// its sender sends the other way: "node # two-way" (its busier direction, and what its connections carry
// back, where both ways ask) and "node # go-ahead" (what it was asked for, and what it sends at once, before
// it answers).
ExchangeLoad load_of(Scenario const& scenario, EagerLimits const& limits);

}  // namespace moewire
