#include "simulate/nccl_exchange.hpp"

#include <algorithm>

#include "base/vectors.hpp"

namespace moewire {
namespace {

using Bytes = std::uint64_t;

struct RowFacts {
    Bytes sum = 0, messages = 0, short_messages = 0;
    std::int64_t longest = 0;
};

// Sums, counts and the longest of one row; sums and counts of every column. Signed, because vectors compare
// no unsigned numbers.
MOEWIRE_VECTORS RowFacts add_row(Bytes const* row, std::size_t count, std::int64_t most_short,
                                 Bytes* column_sums, Bytes* column_messages) {
    Bytes sum = 0, messages = 0, short_messages = 0;
    std::int64_t longest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        Bytes const bytes = row[i], is_message = bytes != 0 ? 1 : 0;
        auto const length = static_cast<std::int64_t>(bytes);
        longest = length > longest ? length : longest;
        column_sums[i] += bytes;
        column_messages[i] += is_message;
        sum += bytes;
        messages += is_message;
        short_messages += length <= most_short ? is_message : 0;
    }
    return {sum, messages, short_messages, longest};
}

// Where all ways are alike the machine says how long they are.
double longest_way_s(Scenario const& scenario) {
    auto const& topology = scenario.topology;
    auto const& machine = topology.machine();
    if (machine.site_links.empty() && machine.dimensions.empty()) return machine.latency_s;
    double longest_s = 0;
    for (RankId const source : ids<RankId>(topology.ranks()))
        for (RankId const destination : ids<RankId>(topology.ranks()))
            if (scenario.bytes(source, destination) > 0)
                longest_s = std::max(longest_s, topology.latency_s(source, destination));
    return longest_s;
}

}  // namespace

NcclExchange nccl_exchange(Scenario const& scenario, NcclRules const& rules) {
    auto const ranks = scenario.bytes.extent(0);
    NcclExchange exchange;
    std::vector<Bytes> sums(ranks), messages(ranks);
    auto const most_short = static_cast<std::int64_t>(rules.most_ll_bytes());
    Bytes longest_between = 0, most_messages = 0, short_messages = 0;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        auto const row = scenario.bytes.row(rank);
        auto const before = add_row(row.data(), rank, most_short, sums.data(), messages.data());
        auto const behind = add_row(row.data() + rank + 1, ranks - rank - 1, most_short,
                                    sums.data() + rank + 1, messages.data() + rank + 1);
        Bytes const own = row[rank], sum = before.sum + behind.sum;
        exchange.total_bytes += sum + own;
        exchange.busiest_rank_bytes = std::max(exchange.busiest_rank_bytes, sum);
        exchange.longest_bytes = std::max(exchange.longest_bytes, own);
        longest_between =
            std::max(longest_between, static_cast<Bytes>(std::max(before.longest, behind.longest)));
        most_messages = std::max(most_messages, before.messages + behind.messages);
        short_messages += before.short_messages + behind.short_messages;
    }
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        exchange.busiest_rank_bytes = std::max(exchange.busiest_rank_bytes, sums[rank]);
        most_messages = std::max(most_messages, messages[rank]);
    }
    exchange.longest_bytes = std::max(exchange.longest_bytes, longest_between);
    exchange.messages = static_cast<int>(most_messages);
    exchange.has_ll = short_messages > 0;
    if (longest_between > rules.most_ll_bytes()) exchange.protocol = NcclProtocol::simple;
    if (exchange.messages > 0) exchange.latency_s = longest_way_s(scenario);
    return exchange;
}

Bytes longest_message_up_to(Grid<Bytes, 2> const& bytes, Bytes most_bytes) {
    Bytes longest = 0;
    for (Bytes const one : bytes.values())
        if (one <= most_bytes) longest = std::max(longest, one);
    return longest;
}

double nccl_floor_s(ModelParameters const& parameters) {
    return parameters.nccl.launch_s;
}

std::vector<Bytes> nccl_edges_bytes(Topology const& topology, ModelParameters const& parameters) {
    return NcclMachine(topology, parameters.nccl).rules().edges_bytes();
}

}  // namespace moewire
