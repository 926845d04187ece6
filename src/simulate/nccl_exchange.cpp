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

// Sums, counts and the longest of one row. Signed, because vectors compare no unsigned numbers.
MOEWIRE_VECTORS RowFacts facts_of(Bytes const* row, std::size_t count, std::int64_t most_short,
                                  Bytes* column_sums) {
    Bytes sum = 0, messages = 0, short_messages = 0;
    std::int64_t longest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        Bytes const bytes = row[i], is_message = bytes != 0 ? 1 : 0;
        auto const length = static_cast<std::int64_t>(bytes);
        longest = length > longest ? length : longest;
        column_sums[i] += bytes;
        sum += bytes;
        messages += is_message;
        short_messages += length <= most_short ? is_message : 0;
    }
    return {sum, messages, short_messages, longest};
}

MOEWIRE_VECTORS void count_messages(Bytes const* row, std::size_t count, Bytes* column_messages) {
    for (std::size_t i = 0; i < count; ++i) column_messages[i] += row[i] != 0 ? 1 : 0;
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

NcclExchangeSums::NcclExchangeSums(std::size_t ranks, NcclRules const& rules)
    : most_ll_bytes_(rules.most_ll_bytes()), sums_(ranks), messages_(ranks) {}

void NcclExchangeSums::add_row(std::size_t source, std::span<Bytes const> row) {
    auto const most_short = static_cast<std::int64_t>(most_ll_bytes_);
    auto const next = source + 1;
    auto const before = facts_of(row.data(), source, most_short, sums_.data());
    auto const behind = facts_of(row.data() + next, row.size() - next, most_short, sums_.data() + next);
    Bytes const own = row[source], sum = before.sum + behind.sum;
    so_far_.total_bytes += sum + own;
    so_far_.busiest_rank_bytes = std::max(so_far_.busiest_rank_bytes, sum);
    so_far_.longest_bytes = std::max(so_far_.longest_bytes, own);
    longest_between_ =
        std::max(longest_between_, static_cast<Bytes>(std::max(before.longest, behind.longest)));
    most_messages_ = std::max(most_messages_, before.messages + behind.messages);
    short_messages_ += before.short_messages + behind.short_messages;
    // Who sends to all others has the most messages that there can be: columns need no count then.
    if (most_messages_ + 1 == row.size()) return;
    count_messages(row.data(), source, messages_.data());
    count_messages(row.data() + next, row.size() - next, messages_.data() + next);
}

NcclExchange NcclExchangeSums::exchange(Scenario const& scenario) const {
    auto exchange = so_far_;
    auto most_messages = most_messages_;
    for (std::size_t rank = 0; rank < sums_.size(); ++rank) {
        exchange.busiest_rank_bytes = std::max(exchange.busiest_rank_bytes, sums_[rank]);
        most_messages = std::max(most_messages, messages_[rank]);
    }
    exchange.longest_bytes = std::max(exchange.longest_bytes, longest_between_);
    exchange.messages = static_cast<int>(most_messages);
    exchange.has_ll = short_messages_ > 0;
    if (longest_between_ > most_ll_bytes_) exchange.protocol = NcclProtocol::simple;
    if (exchange.messages > 0) exchange.latency_s = longest_way_s(scenario);
    return exchange;
}

NcclExchange nccl_exchange(Scenario const& scenario, NcclRules const& rules) {
    NcclExchangeSums sums(scenario.bytes.extent(0), rules);
    for (std::size_t rank = 0; rank < scenario.bytes.extent(0); ++rank)
        sums.add_row(rank, scenario.bytes.row(rank));
    return sums.exchange(scenario);
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
