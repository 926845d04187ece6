#include "measure/sweep.hpp"

#include <algorithm>

#include "base/contract.hpp"
#include "base/statistics.hpp"
#include "gpu/device.hpp"
#include "measure/interleave.hpp"
#include "measure/ladder.hpp"
#include "measure/row_memory.hpp"
#include "measure/stamps.hpp"

namespace moewire {

namespace {

// As many as a small model's pass has: a GPU takes the nodes of a long graph up more slowly than it runs them.
constexpr std::size_t graph_exchanges = 8;

// Sizes play the part of layers: one stamp table holds them all. Shape of the result: [plan][iteration].
std::vector<std::vector<double>> slowest_of(Communicator const& communicator, Exchange& exchange,
                                            std::vector<ExchangePlan> plans, std::size_t iterations,
                                            std::uint64_t seed, std::vector<ClockOffset> const& offsets,
                                            Launch launch) {
    ExchangeBuffers buffers(exchange.memory());
    std::int64_t home_bytes = 0, expert_bytes = 0;
    for (auto& plan : plans) {
        plan = with_all_rows(std::move(plan), exchange, communicator);
        home_bytes = std::max(home_bytes, plan.total_send_rows() * plan.row_bytes);
        expert_bytes = std::max(expert_bytes, plan.total_receive_rows() * plan.row_bytes);
    }
    buffers.home.reserve(static_cast<std::size_t>(home_bytes));
    buffers.expert.reserve(static_cast<std::size_t>(expert_bytes));
    StampRecorder recorder(iterations, plans.size(), Detail::exchanges, exchange.memory());
    auto const exchange_one = [&](std::size_t which) {
        auto const& plan = plans[which];
        StepScope const step(&recorder, make_id<LayerId>(which), Step::dispatch);
        exchange.run(
            plan, buffers.home.rows(static_cast<std::size_t>(plan.total_send_rows() * plan.row_bytes)),
            buffers.expert.rows(static_cast<std::size_t>(plan.total_receive_rows() * plan.row_bytes)));
    };
    auto const run_one = [&](std::size_t which, std::optional<std::size_t> iteration) {
        recorder.begin_iteration(iteration);
        communicator.barrier();
        exchange_one(which);
        recorder.end_iteration();
    };
    auto const order = interleaved_order(plans.size(), iterations, seed);
    if (launch == Launch::eager) {
        run_interleaved(order, 2, run_one, [] {});
    } else {
        // What warms up is eager: connections cannot be made while a graph is recorded.
        run_interleaved(interleaved_order(plans.size(), 0, seed), 2, run_one, [] {});
        for (std::size_t i = 0; i < iterations; ++i) {
            recorder.begin_iteration(i);
            for (std::size_t first = 0; first < plans.size(); first += graph_exchanges) {
                auto const some =
                    order.row(i).subspan(first, std::min(graph_exchanges, plans.size() - first));
                auto const graph = device().capture([&] {
                    for (auto const which : some) exchange_one(static_cast<std::size_t>(which));
                });
                graph->replay();  // the first time, a graph is brought to the device while it runs
                device().synchronise();
                communicator.barrier();
                graph->replay();
                recorder.end_iteration();
            }
        }
    }

    auto const samples = collect(communicator, recorder, offsets);
    std::vector<std::vector<double>> all;
    for (std::size_t which = 0; communicator.is_root() && which < plans.size(); ++which) {
        auto& of_plan = all.emplace_back();
        for (std::size_t i = 0; i < iterations; ++i) {
            auto const of_ranks = samples.dispatch.transfer_s.row(i, which);
            of_plan.push_back(*std::max_element(of_ranks.begin(), of_ranks.end()));
        }
    }
    return all;
}

}  // namespace

std::vector<SweepPoint> sweep_uniform(Communicator const& communicator, Exchange& exchange,
                                      std::span<std::uint64_t const> busiest_bytes, std::int64_t row_bytes,
                                      std::size_t iterations, std::uint64_t seed,
                                      std::vector<ClockOffset> const& offsets) {
    MOEWIRE_EXPECT(communicator.size() > 1);
    auto const ranks = static_cast<std::size_t>(communicator.size());
    auto const peers = static_cast<std::uint64_t>(ranks - 1);
    std::vector<ExchangePlan> plans;
    for (auto const bytes : busiest_bytes) {
        auto const rows = std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes / peers) / row_bytes);
        plans.push_back(
            {row_bytes, std::vector<std::int64_t>(ranks, rows), std::vector<std::int64_t>(ranks, rows)});
    }
    auto const samples = slowest_of(communicator, exchange, plans, iterations, seed, offsets, Launch::eager);
    std::vector<SweepPoint> points;
    for (std::size_t which = 0; which < samples.size(); ++which) {
        auto const bytes = static_cast<std::uint64_t>(plans[which].send_rows[0] * row_bytes) * peers;
        points.push_back({bytes, median(samples[which]), samples[which]});
    }
    return points;
}

std::vector<std::vector<double>> sweep_matrices(Communicator const& communicator, Exchange& exchange,
                                                std::span<ByteMatrix const> matrices, std::int64_t row_bytes,
                                                std::size_t iterations, std::uint64_t seed,
                                                std::vector<ClockOffset> const& offsets, Launch launch) {
    std::vector<ExchangePlan> plans;
    for (auto const& bytes : matrices) plans.push_back(plan_of(bytes, communicator.rank(), row_bytes));
    return slowest_of(communicator, exchange, std::move(plans), iterations, seed, offsets, launch);
}

}  // namespace moewire
