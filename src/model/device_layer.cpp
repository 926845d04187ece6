#include "model/device_layer.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <ATen/ATen.h>

#include "assignment/replica_choice.hpp"
#include "gpu/gpu.hpp"
#include "model/permutation.hpp"
#include "model/row_exchange.hpp"

namespace moewire {
namespace {

struct DevicePlan {
    SlotOrder sent;                      // (token, choice) by slot of all ranks
    ExchangePlan exchange;               // dispatch
    std::vector<std::int64_t> slot_end;  // Shape: [local slot]; rows by expert
    at::Tensor slot_end_there;           // the same, int32, on the device
    // Undefined where rows arrive in the order of experts. Shape of both: [received row], int64.
    at::Tensor by_expert;  // the received row of each row in that order
    at::Tensor by_source;  // the way back
};

// From memory that the device reads by itself: the host goes on at once.
at::Tensor uploaded(std::vector<std::int64_t> const& values, at::ScalarType type, at::Device device) {
    auto const pinned = at::empty({static_cast<std::int64_t>(values.size())},
                                  at::TensorOptions(at::kCPU).dtype(type).pinned_memory(true));
    if (type == at::kInt) {
        std::copy(values.begin(), values.end(), pinned.mutable_data_ptr<std::int32_t>());
    } else {
        std::copy(values.begin(), values.end(), pinned.mutable_data_ptr<std::int64_t>());
    }
    return pinned.to(device, /*non_blocking=*/true);
}

std::vector<std::int64_t> row_sums(Grid<std::int64_t, 2> const& counts) {
    std::vector<std::int64_t> sums;
    for (std::size_t row = 0; row < counts.extent(0); ++row) sums.push_back(sum(counts.row(row)));
    return sums;
}

// Where segments of a table begin when its cells follow one another column by column: the first number of each
// cell, row by row, and where each ends row by row. Shape of `counts`: [row, column].
at::Tensor numbered(Grid<std::int64_t, 2> const& counts, at::Device device) {
    auto const rows = counts.extent(0), columns = counts.extent(1);
    Grid<std::int64_t, 2> start(rows, columns);
    std::int64_t next = 0, total = 0;
    for (std::size_t column = 0; column < columns; ++column) {
        for (std::size_t row = 0; row < rows; ++row)
            start(row, column) = std::exchange(next, next + counts(row, column));
    }
    std::vector<std::int64_t> end;
    for (auto const count : counts.values()) end.push_back(total += count);
    return gpu().expand_segments(uploaded(start.values(), at::kLong, device), uploaded(end, at::kLong, device),
                                 total);
}

// Received rows lie by source, then by slot; experts want them by slot. `counts`: [source rank, local slot].
void set_away_side(Grid<std::int64_t, 2> const& counts, std::size_t slots, at::Device device,
                   DevicePlan& plan) {
    auto const sources = counts.extent(0);
    Grid<std::int64_t, 2> of_source(sources, slots), of_slot(slots, sources);
    std::int64_t total = 0;
    for (std::size_t slot = 0; slot < slots; ++slot) {
        for (std::size_t source = 0; source < sources; ++source) {
            total += counts(source, slot);
            of_source(source, slot) = of_slot(slot, source) = counts(source, slot);
        }
        plan.slot_end.push_back(total);
    }
    plan.slot_end_there = uploaded(plan.slot_end, at::kInt, device);
    if (sources == 1 || slots <= 1) return;
    plan.by_expert = numbered(of_slot, device);
    plan.by_source = numbered(of_source, device);
}

// This rank's rows in the order of all ranks' slots, and how many each slot gets. Shape of `of_slot`: [slot].
struct SentRows {
    SlotOrder sorted;
    std::vector<std::int64_t> of_slot;
};

std::vector<std::int64_t> differences(std::vector<std::int64_t> ends) {
    std::adjacent_difference(ends.begin(), ends.end(), ends.begin());
    return ends;
}

SentRows sent_to_only_copies(LayerId layer, at::Tensor const& picks, LoadedExperts const& bank,
                             Assignment const& assignment) {
    auto const slots = bank.slot_of_all(layer).index_select(0, picks);
    SentRows sent{sort_by_slot(slots, static_cast<std::int64_t>(used_slots(assignment, layer))), {}};
    sent.of_slot = differences(to_host(sent.sorted.slot_end));  // the one wait
    return sent;
}

// Sorted by expert first, so that copies get neighbouring parts of its rows: as many as the assignment's rule
// gives them. Which rows they are changes no count, and no result but for the order of sums.
SentRows sent_to_copies(LayerId layer, at::Tensor const& picks, Assignment const& assignment, RankId source) {
    auto const by_expert = sort_by_slot(picks, assignment.experts());
    auto const of_expert = differences(to_host(by_expert.slot_end));  // the one wait
    auto const slots = used_slots(assignment, layer);
    std::vector<std::int64_t> of_slot(slots), begin(slots), end(slots);
    std::int64_t next = 0;
    for (ExpertId const expert : ids<ExpertId>(of_expert.size())) {
        auto const copies = assignment.copies_of(layer, expert);
        auto const parts = split_rows(assignment, layer, source, expert, of_expert[index_of(expert)]);
        for (std::size_t c = 0; c < copies.size(); ++c) {
            auto const slot = static_cast<std::size_t>(copies[c]);
            of_slot[slot] = parts[c];
            begin[slot] = std::exchange(next, next + parts[c]);
        }
    }
    std::partial_sum(of_slot.begin(), of_slot.end(), end.begin());
    auto const there = picks.device();
    auto const moved =
        gpu().expand_segments(uploaded(begin, at::kLong, there), uploaded(end, at::kLong, there), next);
    SentRows sent{{by_expert.order.index_select(0, moved), {}, uploaded(end, at::kInt, there)}, of_slot};
    sent.sorted.place =
        at::empty_like(by_expert.place).scatter_(0, sent.sorted.order, at::arange(next, moved.options()));
    return sent;
}

DevicePlan planned(LayerId layer, at::Tensor const& hidden, RouterOutput const& route,
                   LoadedExperts const& bank, MoePass const& pass) {
    auto const& parallel = pass.parallel;
    auto const picks = route.experts.reshape({-1}).to(at::kLong);
    auto const rows =
        parallel.assignment.has_replicas()
            ? sent_to_copies(layer, picks, parallel.assignment, parallel.communicator.rank())
            : sent_to_only_copies(layer, picks, bank, parallel.assignment);
    DevicePlan plan;
    plan.sent = rows.sorted;
    auto const sent = rows_by_rank(parallel.assignment, layer, rows.of_slot);
    auto const received = exchange_counts(parallel.communicator, layer, sent);
    plan.exchange.row_bytes = static_cast<std::int64_t>(hidden.size(1) * hidden.element_size());
    plan.exchange.send_rows = row_sums(sent);
    plan.exchange.receive_rows = row_sums(received);
    plan.exchange = with_all_rows(std::move(plan.exchange), parallel.exchange, parallel.communicator);
    plan.exchange.layer = layer;
    if (parallel.exchange.can_leave_own_rows()) plan.exchange.own_rows = ExchangePlan::OwnRows::left;
    set_away_side(received, parallel.assignment.slots_on(layer, parallel.communicator.rank()),
                  hidden.device(), plan);
    return plan;
}

// A rank's rows to itself: they begin at row `there` of what it sends and at row `here` of what it receives.
struct OwnRows {
    std::int64_t there = 0, here = 0, count = 0;
};

OwnRows own_rows(ExchangePlan const& plan, RankId rank) {
    if (plan.own_rows == ExchangePlan::OwnRows::moved) return {};
    auto const before = [rank](std::vector<std::int64_t> const& rows) {
        return std::accumulate(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(index_of(rank)),
                               std::int64_t{0});
    };
    return {before(plan.send_rows), before(plan.receive_rows), plan.send_rows[index_of(rank)]};
}

// result[i] = rows[index[i] / divisor], but rows first .. first + count - 1 of the result go to `own`, beside what
// follows, until meet(): other ranks wait for the others alone.
at::Tensor taken(at::Tensor const& rows, at::Tensor const& index, std::int64_t divisor, std::int64_t first,
                 at::Tensor const& own) {
    auto const count = own.size(0), end = first + count;
    if (count == 0) return gpu().take_rows(rows, index, divisor);
    auto const result = at::empty({index.size(0), rows.size(1)}, rows.options());
    for (auto const& [from, to] : {std::pair{std::int64_t{0}, first}, std::pair{end, index.size(0)}}) {
        if (from < to)
            gpu().take_rows_into(rows, index.narrow(0, from, to - from), divisor, result.narrow(0, from, to - from));
    }
    gpu().beside([&] { gpu().take_rows_into(rows, index.narrow(0, first, count), divisor, own); });
    return result;
}

// Shapes: [received row, hidden] -> the same. Own rows' results go into `home` [own row, hidden] instead.
at::Tensor computed(LayerId layer, at::Tensor const& away, LoadedExperts const& bank, DevicePlan const& plan,
                    OwnRows const& own, at::Tensor const& home, at::Tensor& kept) {
    if (away.size(0) == 0) return away;
    auto const rows = plan.by_expert.defined() ? gpu().take_rows(away, plan.by_expert, 1) : away;
    auto const results = bank.can_group(rows) ? bank.compute_grouped(layer, rows, plan.slot_end_there)
                                              : bank.compute(layer, rows, plan.slot_end);
    kept = results;  // the copy beside reads it
    if (plan.by_source.defined()) return taken(results, plan.by_source, 1, own.here, home);
    if (own.count > 0) home.copy_(results.narrow(0, own.here, own.count));
    return results.contiguous();
}

}  // namespace

bool plans_on_device(at::Tensor const& hidden, MoePass const& pass) {
    return is_for_gpu(hidden) && pass.policy == nullptr && pass.parallel.dispatcher == "per_expert";
}

at::Tensor exchanged_on_device(LayerId layer, at::Tensor const& hidden, RouterOutput const& route,
                               MoePass const& pass) {
    auto const& bank = dynamic_cast<LoadedExperts const&>(pass.parallel.experts);
    auto const in_step = [&](Step step, auto const& work) {
        StepScope const scope(pass.observer, layer, step);
        return work();
    };
    auto& exchange = pass.parallel.exchange;
    auto const plan = in_step(Step::counts, [&] { return planned(layer, hidden, route, bank, pass); });
    // Rows that stay do not travel: they are gathered to their place beside the exchange of the others.
    auto const own = own_rows(plan.exchange, pass.parallel.communicator.rank());
    auto away = at::empty({plan.exchange.total_receive_rows(), hidden.size(1)}, hidden.options());
    auto const home = in_step(Step::permute, [&] {
        return taken(hidden, plan.sent.order, route.experts.size(1), own.there, away.narrow(0, own.here, own.count));
    });
    in_step(Step::dispatch, [&] {
        exchange_rows_into(exchange, plan.exchange, home, away);
        gpu().meet();
    });
    // What was sent is sent before anything that is queued from here on: answers may take its place.
    at::Tensor kept;
    away = in_step(Step::experts, [&] {
        return computed(layer, away, bank, plan, own, home.narrow(0, own.there, own.count), kept);
    });
    in_step(Step::combine, [&] {
        exchange_rows_into(exchange, plan.exchange.reversed(), away, home);
        gpu().meet();
    });
    return in_step(Step::unpermute,
                   [&] { return weighted_sum(home, plan.sent.place, route.weights, hidden.scalar_type()); });
}

}  // namespace moewire
