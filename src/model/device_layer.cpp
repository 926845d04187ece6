#include "model/device_layer.hpp"

#include <algorithm>
#include <numeric>

#include <ATen/ATen.h>

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

DevicePlan planned(LayerId layer, at::Tensor const& hidden, RouterOutput const& route,
                   LoadedExperts const& bank, MoePass const& pass) {
    auto const& parallel = pass.parallel;
    auto const slots = bank.slot_of_all(layer).index_select(0, route.experts.reshape({-1}));
    DevicePlan plan;
    plan.sent = sort_by_slot(slots, static_cast<std::int64_t>(used_slots(parallel.assignment, layer)));
    auto of_slot = to_host(plan.sent.slot_end);  // the one wait
    std::adjacent_difference(of_slot.begin(), of_slot.end(), of_slot.begin());
    auto const sent = rows_by_rank(parallel.assignment, layer, of_slot);
    auto const received = exchange_counts(parallel.communicator, sent);
    plan.exchange.row_bytes = static_cast<std::int64_t>(hidden.size(1) * hidden.element_size());
    plan.exchange.send_rows = row_sums(sent);
    plan.exchange.receive_rows = row_sums(received);
    plan.exchange = with_all_rows(std::move(plan.exchange), parallel.exchange, parallel.communicator);
    plan.exchange.layer = layer;
    set_away_side(received, parallel.assignment.slots_on(layer, parallel.communicator.rank()),
                  hidden.device(), plan);
    return plan;
}

// Shapes: [received row, hidden] -> the same.
at::Tensor computed(LayerId layer, at::Tensor const& away, LoadedExperts const& bank,
                    DevicePlan const& plan) {
    if (away.size(0) == 0) return away;
    auto const rows = plan.by_expert.defined() ? gpu().take_rows(away, plan.by_expert, 1) : away;
    auto const results = bank.can_group(rows) ? bank.compute_grouped(layer, rows, plan.slot_end_there)
                                              : bank.compute(layer, rows, plan.slot_end);
    return plan.by_expert.defined() ? gpu().put_rows(results, plan.by_expert) : results;
}

}  // namespace

bool plans_on_device(at::Tensor const& hidden, MoePass const& pass) {
    return is_for_gpu(hidden) && pass.policy == nullptr && pass.parallel.dispatcher == "per_expert" &&
           !pass.parallel.assignment.has_replicas();
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
    auto home = in_step(Step::permute,
                        [&] { return gpu().take_rows(hidden, plan.sent.order, route.experts.size(1)); });
    auto away = in_step(Step::dispatch, [&] { return exchange_rows(exchange, plan.exchange, home); });
    away = in_step(Step::experts, [&] { return computed(layer, away, bank, plan); });
    home = in_step(Step::combine, [&] { return exchange_rows(exchange, plan.exchange.reversed(), away); });
    return in_step(Step::unpermute,
                   [&] { return weighted_sum(home, plan.sent.place, route.weights, hidden.scalar_type()); });
}

}  // namespace moewire
