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
    at::Tensor by_expert;                // Shape: [received row], int64; undefined where rows arrive in order
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

// Received rows lie by source, then by slot; experts want them by slot. `counts`: [source rank, local slot].
void set_away_side(Grid<std::int64_t, 2> const& counts, std::size_t slots, at::Device device,
                   DevicePlan& plan) {
    auto const sources = counts.extent(0);
    std::vector<std::int64_t> next(sources), start, end;
    std::exclusive_scan(plan.exchange.receive_rows.begin(), plan.exchange.receive_rows.end(), next.begin(),
                        std::int64_t{0});
    std::int64_t total = 0;
    for (std::size_t slot = 0; slot < slots; ++slot) {
        for (std::size_t source = 0; source < sources; ++source) {
            start.push_back(next[source]);
            next[source] += counts(source, slot);
            total += counts(source, slot);
            end.push_back(total);
        }
        plan.slot_end.push_back(total);
    }
    plan.slot_end_there = uploaded(plan.slot_end, at::kInt, device);
    if (sources == 1 || slots <= 1) return;
    plan.by_expert =
        gpu().expand_segments(uploaded(start, at::kLong, device), uploaded(end, at::kLong, device), total);
}

// This rank's rows in the order of all ranks' slots. Of how many each slot gets, either the numbers are known
// or the ends are on their way.
struct SentRows {
    SlotOrder sorted;
    std::vector<std::int64_t> of_slot;  // Shape: [slot]
    at::Tensor fetched_ends;
};

std::vector<std::int64_t> differences(std::vector<std::int64_t> ends) {
    std::adjacent_difference(ends.begin(), ends.end(), ends.begin());
    return ends;
}

std::vector<std::int64_t> fetched(at::Tensor const& ends) {
    gpu().await_fetched();
    return to_host(ends);
}

SentRows sent_to_only_copies(LayerId layer, at::Tensor const& picks, LoadedExperts const& bank,
                             Assignment const& assignment) {
    auto const slots = bank.slot_of_all(layer).index_select(0, picks);
    SentRows sent{sort_by_slot(slots, static_cast<std::int64_t>(used_slots(assignment, layer))), {}, {}};
    sent.fetched_ends = gpu().fetch(sent.sorted.slot_end);
    return sent;
}

// Sorted by expert first, so that copies get neighbouring parts of its rows: as many as the assignment's rule
// gives them. Which rows they are changes no count, and no result but for the order of sums.
SentRows sent_to_copies(LayerId layer, at::Tensor const& picks, Assignment const& assignment, RankId source) {
    auto const by_expert = sort_by_slot(picks, assignment.experts());
    auto const of_expert = differences(fetched(gpu().fetch(by_expert.slot_end)));
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
    SentRows sent{{by_expert.order.index_select(0, moved), {}, uploaded(end, at::kInt, there)}, of_slot, {}};
    sent.sorted.place =
        at::empty_like(by_expert.place).scatter_(0, sent.sorted.order, at::arange(next, moved.options()));
    return sent;
}

SentRows sorted_rows(LayerId layer, RouterOutput const& route, LoadedExperts const& bank,
                     ExpertParallel const& parallel) {
    auto const picks = route.experts.reshape({-1}).to(at::kLong);
    return parallel.assignment.has_replicas()
               ? sent_to_copies(layer, picks, parallel.assignment, parallel.communicator.rank())
               : sent_to_only_copies(layer, picks, bank, parallel.assignment);
}

// What becomes of a rank's rows to itself?
enum class OwnRows {
    moved,   // by the exchange, as all others
    beside,  // by a kernel of ours at the same time, which writes them to their place at once
    stay     // there are no others, and they lie in order
};

OwnRows own_rows(at::Tensor const& hidden, std::int64_t top_k, ExpertParallel const& parallel) {
    auto const ranks = parallel.communicator.size();
    auto const bytes = static_cast<std::int64_t>(hidden.nbytes()) * top_k;
    if (!leaves_own_rows(parallel.exchange, ranks, bytes)) return OwnRows::moved;
    return ranks == 1 ? OwnRows::stay : OwnRows::beside;
}

DevicePlan planned(LayerId layer, at::Tensor const& hidden, SentRows sent, OwnRows own,
                   ExpertParallel const& parallel) {
    if (sent.of_slot.empty()) sent.of_slot = differences(fetched(sent.fetched_ends));
    DevicePlan plan;
    plan.sent = std::move(sent.sorted);
    auto const rows = rows_by_rank(parallel.assignment, layer, sent.of_slot);
    auto const received = exchange_counts(parallel.communicator, layer, rows);
    plan.exchange.row_bytes = static_cast<std::int64_t>(hidden.size(1) * hidden.element_size());
    plan.exchange.send_rows = row_sums(rows);
    plan.exchange.receive_rows = row_sums(received);
    plan.exchange = with_all_rows(std::move(plan.exchange), parallel.exchange, parallel.communicator);
    plan.exchange.layer = layer;
    if (own != OwnRows::moved) plan.exchange.own_rows = ExchangePlan::OwnRows::left;
    set_away_side(received, parallel.assignment.slots_on(layer, parallel.communicator.rank()),
                  hidden.device(), plan);
    return plan;
}

// Where they begin in what a rank sends, and in what it receives.
struct OwnPlace {
    std::int64_t there = 0, here = 0, count = 0;
    RowRange received() const { return {here, here + count}; }
};

OwnPlace own_place(ExchangePlan const& plan, RankId rank) {
    auto const before = [rank](std::vector<std::int64_t> const& rows) {
        return std::accumulate(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(index_of(rank)),
                               std::int64_t{0});
    };
    return {before(plan.send_rows), before(plan.receive_rows), plan.send_rows[index_of(rank)]};
}

// Of the GPU's processors, so many that own rows take about half as long as the exchange of the others:
// copied as fast as memory allows, they cost the exchange what they take themselves (two H100: 326 us with
// half of the processors, 308 with a kernel half as fast). One copies about 45 GB/s, a GPU of 132 sends about
// 300.
double share_beside(ExchangePlan const& plan, OwnPlace const& own) {
    constexpr double of_equal_shares = 1.0 / 8, most = 1.0 / 2;
    auto const others = std::max(plan.total_send_rows(), plan.total_receive_rows()) - own.count;
    if (others <= 0) return most;
    return std::min(most, of_equal_shares * static_cast<double>(own.count) / static_cast<double>(others));
}

// Shapes: [received row, hidden] -> [row by expert, hidden].
at::Tensor computed(LayerId layer, at::Tensor const& away, LoadedExperts const& bank,
                    DevicePlan const& plan) {
    if (away.size(0) == 0) return away;
    auto const rows = plan.by_expert.defined() ? gpu().take_rows(away, plan.by_expert, 1) : away;
    return (bank.can_group(rows) ? bank.compute_grouped(layer, rows, plan.slot_end_there)
                                 : bank.compute(layer, rows, plan.slot_end))
        .contiguous();
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
    auto const& parallel = pass.parallel;
    auto const rank = parallel.communicator.rank();
    auto const top_k = route.experts.size(1);
    auto const own = own_rows(hidden, top_k, parallel);
    auto const rows = hidden.contiguous();
    at::Tensor home;
    auto const plan = in_step(Step::counts, [&] {
        auto sent = sorted_rows(layer, route, bank, parallel);
        // Rows are gathered while counts travel: how many other ranks send changes nothing in their order.
        home = in_step(Step::permute, [&] {
            SlotRange left_out;
            if (own == OwnRows::beside) {
                auto const first = static_cast<std::int64_t>(parallel.assignment.first_slot(layer, rank));
                left_out = {sent.sorted.slot_end, first,
                            first + static_cast<std::int64_t>(parallel.assignment.slots_on(layer, rank))};
            }
            auto gathered = gpu().take_rows(rows, sent.sorted.order, top_k, left_out);
            if (own == OwnRows::beside) gpu().fork();
            return gathered;
        });
        return planned(layer, rows, std::move(sent), own, parallel);
    });
    auto const place = own_place(plan.exchange, rank);
    double const share = own == OwnRows::beside ? share_beside(plan.exchange, place) : 0;
    auto const away = own == OwnRows::stay
                          ? home
                          : at::empty({plan.exchange.total_receive_rows(), rows.size(1)}, rows.options());
    in_step(Step::dispatch, [&] {
        if (own == OwnRows::stay) return;
        exchange_rows_into(parallel.exchange, plan.exchange, home, away);
        if (own != OwnRows::beside) return;
        gpu().take_rows_beside(rows, plan.sent.order.narrow(0, place.there, place.count), top_k,
                               away.narrow(0, place.here, place.count), share);
        gpu().join();
    });
    // What was sent is sent before anything that is queued from here on: answers may take its place.
    at::Tensor by_expert;
    auto const answers = in_step(Step::experts, [&] {
        by_expert = computed(layer, away, bank, plan);
        auto const left_out = own == OwnRows::beside ? place.received() : RowRange{};
        auto const in_order = plan.by_expert.defined() && by_expert.size(0) > 0
                                  ? gpu().put_rows(by_expert, plan.by_expert, left_out)
                                  : by_expert;
        if (own == OwnRows::beside) gpu().fork();
        return in_order;
    });
    if (own == OwnRows::stay) home = answers;
    in_step(Step::combine, [&] {
        if (own == OwnRows::stay) return;
        exchange_rows_into(parallel.exchange, plan.exchange.reversed(), answers, home);
        if (own != OwnRows::beside) return;
        auto const kept = home.narrow(0, place.there, place.count);
        if (plan.by_expert.defined() && by_expert.size(0) > 0) {
            gpu().put_rows_beside(by_expert, plan.by_expert, place.received(), kept, share);
        } else {
            kept.copy_(answers.narrow(0, place.here, place.count));
        }
        gpu().join();
    });
    return in_step(Step::unpermute,
                   [&] { return weighted_sum(home, plan.sent.place, route.weights, hidden.scalar_type()); });
}

}  // namespace moewire
