#include "measure/sweep.hpp"

#include <algorithm>

#include "base/contract.hpp"
#include "base/statistics.hpp"
#include "measure/interleave.hpp"
#include "measure/row_memory.hpp"
#include "measure/stamps.hpp"

namespace moewire {

std::vector<SweepPoint> sweep_uniform(Communicator const& communicator, Exchange& exchange,
                                      std::span<std::uint64_t const> busiest_bytes, std::int64_t row_bytes,
                                      std::size_t iterations, std::uint64_t seed,
                                      std::vector<ClockOffset> const& offsets) {
    MOEWIRE_EXPECT(communicator.size() > 1);
    auto const ranks = static_cast<std::size_t>(communicator.size());
    auto const peers = static_cast<std::uint64_t>(ranks - 1);

    std::vector<ExchangePlan> plans;
    std::uint64_t most_bytes = 0;
    for (auto const bytes : busiest_bytes) {
        auto const rows = std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes / peers) / row_bytes);
        plans.push_back(
            {row_bytes, std::vector<std::int64_t>(ranks, rows), std::vector<std::int64_t>(ranks, rows)});
        most_bytes =
            std::max(most_bytes, static_cast<std::uint64_t>(plans.back().total_send_rows() * row_bytes));
    }
    for (auto& plan : plans) plan = with_all_rows(std::move(plan), exchange, communicator);
    ExchangeBuffers buffers(exchange.memory());
    buffers.home.reserve(most_bytes);
    buffers.expert.reserve(most_bytes);

    // Sizes play the part of layers: one stamp table holds them all.
    StampRecorder recorder(iterations, plans.size(), Detail::exchanges, exchange.memory());
    auto const run_size = [&](std::size_t which, std::optional<std::size_t> iteration) {
        auto const& plan = plans[which];
        auto const bytes = static_cast<std::size_t>(plan.total_send_rows() * row_bytes);
        recorder.begin_iteration(iteration);
        communicator.barrier();
        {
            StepScope const step(&recorder, make_id<LayerId>(which), Step::dispatch);
            exchange.run(plan, buffers.home.rows(bytes), buffers.expert.rows(bytes));
        }
        recorder.end_iteration();
    };
    run_interleaved(interleaved_order(plans.size(), iterations, seed), 2, run_size, [] {});

    auto const samples = collect(communicator, recorder, offsets);
    std::vector<SweepPoint> points;
    for (std::size_t which = 0; communicator.is_root() && which < plans.size(); ++which) {
        SweepPoint point;
        point.busiest_bytes = static_cast<std::uint64_t>(plans[which].send_rows[0] * row_bytes) * peers;
        for (std::size_t i = 0; i < iterations; ++i) {
            auto const of_ranks = samples.dispatch.transfer_s.row(i, which);
            point.samples_s.push_back(*std::max_element(of_ranks.begin(), of_ranks.end()));
        }
        point.p50_s = median(point.samples_s);
        points.push_back(std::move(point));
    }
    return points;
}

}  // namespace moewire
