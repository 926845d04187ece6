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

// Of the GPU's processors, the fewer the less there is to copy while the others travel: copied as fast as
// memory allows, own rows slow the exchange (two H100, 67 MB each way: 326 us on half of the processors, 308
// by a slower kernel, 291 without any). The numbers below are a guess from that; no GPU has run them yet.
double share_beside(ExchangePlan const& plan, OwnPlace const& own) {
    constexpr double of_equal_shares = 1.0 / 8, most = 1.0 / 2;
    auto const others = std::max(plan.total_send_rows(), plan.total_receive_rows()) - own.count;
    if (others <= 0) return most;
    return std::min(most, of_equal_shares * static_cast<double>(own.count) / static_cast<double>(others));
}

// Rows to send, in the order of all ranks' slots. Shapes: [token, hidden] -> [sent row, hidden].
at::Tensor gathered(LayerId layer, at::Tensor const& rows, SentRows const& sent, std::int64_t top_k,
                    OwnRows own, ExpertParallel const& parallel) {
    if (own != OwnRows::beside) return gpu().take_rows(rows, sent.sorted.order, top_k);
    auto const rank = parallel.communicator.rank();
    auto const first = static_cast<std::int64_t>(parallel.assignment.first_slot(layer, rank));
    auto const slots = static_cast<std::int64_t>(parallel.assignment.slots_on(layer, rank));
    auto const others =
        gpu().take_rows(rows, sent.sorted.order, top_k, {sent.sorted.slot_end, first, first + slots});
    gpu().fork();
    return others;
}

// Shape of both: [received row, hidden].
struct Answers {
    at::Tensor by_expert, by_source;  // own rows beside are still missing in the latter
};

Answers computed(LayerId layer, at::Tensor const& away, LoadedExperts const& bank, DevicePlan const& plan,
                 RowRange left_out) {
    if (away.size(0) == 0) return {away, away};
    bool const is_sorted = !plan.by_expert.defined();
    auto const rows = is_sorted ? away : gpu().take_rows(away, plan.by_expert, 1);
    auto const results = (bank.can_group(rows) ? bank.compute_grouped(layer, rows, plan.slot_end_there)
                                               : bank.compute(layer, rows, plan.slot_end))
                             .contiguous();
    return {results, is_sorted ? results : gpu().put_rows(results, plan.by_expert, left_out)};
}

// Own rows beside the exchange of the others, to the experts and home.
void move_own(at::Tensor const& rows, std::int64_t top_k, DevicePlan const& plan, OwnPlace const& own,
              at::Tensor const& away) {
    gpu().take_rows_beside(rows, plan.sent.order.narrow(0, own.there, own.count), top_k,
                           away.narrow(0, own.here, own.count), share_beside(plan.exchange, own));
    gpu().join();
}

void move_own_back(Answers const& answers, DevicePlan const& plan, OwnPlace const& own,
                   at::Tensor const& home) {
    auto const kept = home.narrow(0, own.there, own.count);
    if (plan.by_expert.defined() && answers.by_expert.size(0) > 0) {
        gpu().put_rows_beside(answers.by_expert, plan.by_expert, own.received(), kept,
                              share_beside(plan.exchange, own));
    } else {
        kept.copy_(answers.by_source.narrow(0, own.here, own.count));
    }
    gpu().join();
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
    auto const top_k = route.experts.size(1);
    auto const own = own_rows(hidden, top_k, parallel);
    bool const is_beside = own == OwnRows::beside, is_alone = own == OwnRows::stay;
    auto const rows = hidden.contiguous();
    at::Tensor home;
    auto const plan = in_step(Step::counts, [&] {
        auto sent = sorted_rows(layer, route, bank, parallel);
        // Rows are gathered while counts travel: how many other ranks send changes nothing in their order.
        home = in_step(Step::permute, [&] { return gathered(layer, rows, sent, top_k, own, parallel); });
        return planned(layer, rows, std::move(sent), own, parallel);
    });
    auto const place = own_place(plan.exchange, parallel.communicator.rank());
    auto const away =
        is_alone ? home : at::empty({plan.exchange.total_receive_rows(), rows.size(1)}, rows.options());
    in_step(Step::dispatch, [&] {
        if (is_alone) return;
        exchange_rows_into(parallel.exchange, plan.exchange, home, away);
        if (is_beside) move_own(rows, top_k, plan, place, away);
    });
    // What was sent is sent before anything that is queued from here on: answers may take its place.
    auto const answers = in_step(Step::experts, [&] {
        auto all = computed(layer, away, bank, plan, is_beside ? place.received() : RowRange{});
        if (is_beside) gpu().fork();
        return all;
    });
    if (is_alone) home = answers.by_source;
    in_step(Step::combine, [&] {
        if (is_alone) return;
        exchange_rows_into(parallel.exchange, plan.exchange.reversed(), answers.by_source, home);
        if (is_beside) move_own_back(answers, plan, place, home);
    });
    return in_step(Step::unpermute,
                   [&] { return weighted_sum(home, plan.sent.place, route.weights, hidden.scalar_type()); });
}

}  // namespace moewire
