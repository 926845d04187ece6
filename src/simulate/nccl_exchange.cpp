#include "simulate/nccl_exchange.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "base/vectors.hpp"

namespace moewire {
namespace {

using Bytes = std::uint64_t;

struct RowFacts {
    Bytes sum = 0, messages = 0;
    std::int64_t longest = 0;
};

// Signed, because vectors compare no unsigned numbers. Two halves at once: a
// maximum waits for the one before it, two wait side by side.
MOEWIRE_VECTORS RowFacts facts_of(Bytes const* row, std::size_t count) {
    Bytes sum = 0, messages = 0;
    std::int64_t first = 0, second = 0;
    std::size_t const half = count / 2;
    for (std::size_t i = 0; i < half; ++i) {
        auto const one = static_cast<std::int64_t>(row[i]), other = static_cast<std::int64_t>(row[half + i]);
        first = one > first ? one : first;
        second = other > second ? other : second;
        sum += row[i] + row[half + i];
        messages += row[i] != 0 ? 1 : 0;
        messages += row[half + i] != 0 ? 1 : 0;
    }
    if (2 * half < count) {
        auto const last = row[count - 1];
        sum += last;
        messages += last != 0 ? 1 : 0;
        first = std::max(first, static_cast<std::int64_t>(last));
    }
    return {sum, messages, std::max(first, second)};
}

MOEWIRE_VECTORS void add_short(Bytes const* row, std::size_t count, std::int64_t most_short, Bytes* columns) {
    for (std::size_t i = 0; i < count; ++i)
        columns[i] += static_cast<std::int64_t>(row[i]) <= most_short ? row[i] : 0;
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

// Row by row, as the topology reads the matrix. What it counts is on the wire: short messages twice.
class Sums {
  public:
    Sums(std::size_t ranks, NcclRules const& rules)
        : most_ll_bytes_(rules.most_ll_bytes()), short_(ranks), messages_(ranks) {}

    void add_row(std::size_t source, std::span<Bytes const> row, Bytes wire_bytes) {
        auto const next = source + 1;
        auto const before = facts_of(row.data(), source);
        auto const behind = facts_of(row.data() + next, row.size() - next);
        Bytes const own = row[source], sum = before.sum + behind.sum;
        so_far_.total_bytes += sum + own;
        so_far_.busiest_rank_bytes = std::max(so_far_.busiest_rank_bytes, sum);
        so_far_.longest_bytes = std::max(so_far_.longest_bytes, own);
        longest_between_ =
            std::max(longest_between_, static_cast<Bytes>(std::max(before.longest, behind.longest)));
        most_messages_ = std::max(most_messages_, before.messages + behind.messages);
        if (wire_bytes - (own <= most_ll_bytes_ ? 2 * own : own) > sum) {
            so_far_.has_ll = true;
            auto const most_short = static_cast<std::int64_t>(most_ll_bytes_);
            add_short(row.data(), source, most_short, short_.data());
            add_short(row.data() + next, row.size() - next, most_short, short_.data() + next);
        }
        // Who sends to all others has the most messages that there can be: columns need no count then.
        if (most_messages_ + 1 == row.size()) return;
        count_messages(row.data(), source, messages_.data());
        count_messages(row.data() + next, row.size() - next, messages_.data() + next);
    }

    NcclExchange exchange(Scenario const& scenario, std::vector<Bytes> const& wire_arrivals) const {
        auto exchange = so_far_;
        auto most_messages = most_messages_;
        for (std::size_t rank = 0; rank < short_.size(); ++rank) {
            exchange.busiest_rank_bytes =
                std::max(exchange.busiest_rank_bytes, wire_arrivals[rank] - short_[rank]);
            most_messages = std::max(most_messages, messages_[rank]);
        }
        exchange.longest_bytes = std::max(exchange.longest_bytes, longest_between_);
        exchange.messages = static_cast<int>(most_messages);
        if (longest_between_ > most_ll_bytes_) exchange.protocol = NcclProtocol::simple;
        if (exchange.messages > 0) exchange.latency_s = longest_way_s(scenario);
        return exchange;
    }

  private:
    Bytes most_ll_bytes_;
    std::vector<Bytes> short_, messages_;  // Shape: [destination], of what others send; counted once
    NcclExchange so_far_;
    Bytes longest_between_ = 0, most_messages_ = 0;
};

}  // namespace

NcclExchange nccl_exchange(Scenario const& scenario, NcclRules const& rules,
                           std::vector<double>* crossing_bytes) {
    Sums sums(scenario.bytes.extent(0), rules);
    std::vector<Bytes> arrivals;
    auto crossing = scenario.topology.crossing_bytes(
        scenario.bytes, rules.most_ll_bytes(),
        [&](std::size_t source, auto row, Bytes wire_bytes) { sums.add_row(source, row, wire_bytes); },
        &arrivals);
    if (crossing_bytes != nullptr) *crossing_bytes = std::move(crossing);
    return sums.exchange(scenario, arrivals);
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
