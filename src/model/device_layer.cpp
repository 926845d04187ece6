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

// What becomes of a rank's rows to itself?
enum class OwnRows {
    moved,     // by the exchange, as all others
    in_place,  // by nobody: experts read them where the layer's input lies, and the sum where experts wrote
               // them
    stay       // there are no others, and they lie in order
};

struct DevicePlan {
    SlotOrder sent;                  // (token, choice) by slot of all ranks
    ExchangePlan exchange;           // dispatch
    Grid<std::int64_t, 2> received;  // Shape: [source rank, the most slots of any rank]
    std::size_t slots = 0;           // of this rank
    OwnRows own = OwnRows::moved;
};

// What of it the experts want to know, on the device but for `slot_end`.
struct AwaySide {
    std::vector<std::int64_t> slot_end;  // Shape: [local slot]; rows by expert
    at::Tensor slot_end_there;           // the same, int32
    at::Tensor by_expert;                // Shape: [received row], int64; undefined where rows arrive in order
    at::Tensor own_answers;  // Shape: [own row], int64; its row by expert; where own rows stay in place
};

// From memory that the device reads by itself: the host goes on at once. One copy: `ends` as int32, then the
// others.
struct Uploaded {
    at::Tensor ends;                 // Shape as given, int32
    std::vector<at::Tensor> others;  // Shapes as given, int64
};

Uploaded uploaded(std::vector<std::int64_t> const& ends,
                  std::initializer_list<std::vector<std::int64_t> const*> others, at::Device device) {
    auto const words_of_ends = static_cast<std::int64_t>((ends.size() + 1) / 2);
    std::int64_t words = words_of_ends;
    for (auto const* one : others) words += std::ssize(*one);
    auto const pinned =
        at::empty({words}, at::TensorOptions(at::kCPU).dtype(at::kLong).pinned_memory(device.is_cuda()));
    std::copy(ends.begin(), ends.end(),
              pinned.narrow(0, 0, words_of_ends).view(at::kInt).mutable_data_ptr<std::int32_t>());
    auto* next = pinned.mutable_data_ptr<std::int64_t>() + words_of_ends;
    for (auto const* one : others) next = std::copy(one->begin(), one->end(), next);
    auto const there = pinned.to(device, /*non_blocking=*/true);
    Uploaded result{there.narrow(0, 0, words_of_ends).view(at::kInt).narrow(0, 0, std::ssize(ends)), {}};
    auto begin = words_of_ends;
    for (auto const* one : others) {
        result.others.push_back(there.narrow(0, begin, std::ssize(*one)));
        begin += std::ssize(*one);
    }
    return result;
}

std::vector<std::int64_t> row_sums(Grid<std::int64_t, 2> const& counts) {
    std::vector<std::int64_t> sums;
    for (std::size_t row = 0; row < counts.extent(0); ++row) sums.push_back(sum(counts.row(row)));
    return sums;
}

// Received rows lie by source, then by slot; experts want them by slot.
AwaySide away_side(DevicePlan const& plan, RankId rank, at::Device device) {
    auto const sources = plan.received.extent(0), slots = plan.slots;
    AwaySide side;
    std::vector<std::int64_t> next(sources), start, end, own_start, own_end;
    std::exclusive_scan(plan.exchange.receive_rows.begin(), plan.exchange.receive_rows.end(), next.begin(),
                        std::int64_t{0});
    std::int64_t total = 0, own = 0;
    for (std::size_t slot = 0; slot < slots; ++slot) {
        for (std::size_t source = 0; source < sources; ++source) {
            auto const rows = plan.received(source, slot);
            if (source == index_of(rank)) {
                own_start.push_back(total);
                own_end.push_back(own += rows);
            }
            start.push_back(next[source]);
            next[source] += rows;
            end.push_back(total += rows);
        }
        side.slot_end.push_back(total);
    }
    bool const has_own = plan.own == OwnRows::in_place;
    bool const is_sorted = sources == 1 || (slots <= 1 && !has_own);
    if (is_sorted) {
        side.slot_end_there = uploaded(side.slot_end, {}, device).ends;
        return side;
    }
    if (has_own) {  // numbered by the same kernel, behind the others
        for (std::size_t slot = 0; slot < slots; ++slot) {
            start.push_back(own_start[slot]);
            end.push_back(total + own_end[slot]);
        }
    } else {
        own = 0;
    }
    auto const there = uploaded(side.slot_end, {&start, &end}, device);
    auto const numbers = gpu().expand_segments(there.others[0], there.others[1], total + own);
    side.slot_end_there = there.ends;
    side.by_expert = numbers.narrow(0, 0, total);
    side.own_answers = numbers.narrow(0, total, own);
    return side;
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
    auto const there = uploaded(end, {&begin, &end}, picks.device());
    auto const moved = gpu().expand_segments(there.others[0], there.others[1], next);
    SentRows sent{{by_expert.order.index_select(0, moved), {}, there.ends}, of_slot, {}};
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

OwnRows own_rows(ExpertParallel const& parallel) {
    if (!parallel.exchange.can_leave_own_rows()) return OwnRows::moved;
    return parallel.communicator.size() == 1 ? OwnRows::stay : OwnRows::in_place;
}

DevicePlan planned(LayerId layer, at::Tensor const& hidden, SentRows sent, OwnRows own,
                   ExpertParallel const& parallel) {
    if (sent.of_slot.empty()) sent.of_slot = differences(fetched(sent.fetched_ends));
    DevicePlan plan;
    plan.sent = std::move(sent.sorted);
    auto const rows = rows_by_rank(parallel.assignment, layer, sent.of_slot);
    plan.received = exchange_counts(parallel.communicator, layer, rows);
    plan.slots = parallel.assignment.slots_on(layer, parallel.communicator.rank());
    plan.own = own;
    plan.exchange.row_bytes = static_cast<std::int64_t>(hidden.size(1) * hidden.element_size());
    plan.exchange.send_rows = row_sums(rows);
    plan.exchange.receive_rows = row_sums(plan.received);
    plan.exchange = with_all_rows(std::move(plan.exchange), parallel.exchange, parallel.communicator);
    plan.exchange.layer = layer;
    if (own != OwnRows::moved) plan.exchange.own_rows = ExchangePlan::OwnRows::left;
    return plan;
}

// Where they begin in what a rank sends, and in what it receives.
struct OwnPlace {
    std::int64_t there = 0, here = 0, count = 0;
};

OwnPlace own_place(ExchangePlan const& plan, RankId rank) {
    auto const before = [rank](std::vector<std::int64_t> const& rows) {
        return std::accumulate(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(index_of(rank)),
                               std::int64_t{0});
    };
    return {before(plan.send_rows), before(plan.receive_rows), plan.send_rows[index_of(rank)]};
}

// Rows to send, in the order of all ranks' slots. Shapes: [token, hidden] -> [sent row, hidden].
at::Tensor gathered(LayerId layer, at::Tensor const& rows, SentRows const& sent, std::int64_t top_k,
                    OwnRows own, ExpertParallel const& parallel) {
    if (own != OwnRows::in_place) return gpu().take_rows(rows, sent.sorted.order, top_k);
    auto const rank = parallel.communicator.rank();
    auto const first = static_cast<std::int64_t>(parallel.assignment.first_slot(layer, rank));
    auto const slots = static_cast<std::int64_t>(parallel.assignment.slots_on(layer, rank));
    return gpu().take_rows(rows, sent.sorted.order, top_k, {sent.sorted.slot_end, first, first + slots});
}

// Shape of both: [received row, hidden]. Own rows that stay in place are missing in the latter.
struct Answers {
    at::Tensor by_expert, by_source;
};

Answers computed(LayerId layer, at::Tensor const& away, LoadedExperts const& bank, AwaySide const& side,
                 RowsElsewhere const& own) {
    if (away.size(0) == 0) return {away, away};
    bool const is_sorted = !side.by_expert.defined();
    auto const rows = is_sorted ? away : gpu().take_rows(away, side.by_expert, own);
    auto const results = (bank.can_group(rows) ? bank.compute_grouped(layer, rows, side.slot_end_there)
                                               : bank.compute(layer, rows, side.slot_end))
                             .contiguous();
    if (is_sorted) return {results, results};
    auto const left_out =
        own.rows.defined() ? RowRange{own.begin, own.begin + own.index.size(0)} : RowRange{};
    return {results, gpu().put_rows(results, side.by_expert, left_out)};
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
    auto const own = own_rows(parallel);
    bool const is_in_place = own == OwnRows::in_place, is_alone = own == OwnRows::stay;
    auto const rows = hidden.contiguous();
    auto const rank = parallel.communicator.rank();
    at::Tensor home;
    auto const plan = in_step(Step::counts, [&] {
        auto sent = sorted_rows(layer, route, bank, parallel);
        // Rows are gathered while counts travel: how many other ranks send changes nothing in their order.
        home = in_step(Step::permute, [&] { return gathered(layer, rows, sent, top_k, own, parallel); });
        gpu().fork();
        return planned(layer, rows, std::move(sent), own, parallel);
    });
    auto const away =
        is_alone ? home : at::empty({plan.exchange.total_receive_rows(), rows.size(1)}, rows.options());
    in_step(Step::dispatch, [&] {
        if (!is_alone) exchange_rows_into(parallel.exchange, plan.exchange, home, away);
    });
    // All that others do not wait for comes after their rows were sent.
    auto const place = own_place(plan.exchange, rank);
    AwaySide side;  // what experts need beside their rows gets there while those travel
    gpu().beside([&] { side = away_side(plan, rank, hidden.device()); });
    // What was sent is sent before anything that is queued from here on: answers may take its place.
    auto const answers = in_step(Step::experts, [&] {
        gpu().join();
        RowsElsewhere in_place;
        if (is_in_place)
            in_place = {rows, plan.sent.order.narrow(0, place.there, place.count), top_k, place.here};
        return computed(layer, away, bank, side, in_place);
    });
    if (is_alone) home = answers.by_source;
    in_step(Step::combine, [&] {
        if (!is_alone)
            exchange_rows_into(parallel.exchange, plan.exchange.reversed(), answers.by_source, home);
    });
    return in_step(Step::unpermute, [&] {
        RowsElsewhere in_place;
        if (is_in_place) in_place = {answers.by_expert, side.own_answers, 1, place.there};
        return gpu().weighted_sum(home, plan.sent.place, route.weights, in_place).to(hidden.scalar_type());
    });
}

}  // namespace moewire
