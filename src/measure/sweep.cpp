#include "measure/sweep.hpp"

#include <algorithm>

#include "base/contract.hpp"
#include "base/random.hpp"
#include "base/statistics.hpp"
#include "gpu/device.hpp"
#include "measure/interleave.hpp"
#include "measure/ladder.hpp"
#include "measure/row_memory.hpp"
#include "measure/stamps.hpp"

namespace moewire {

namespace {

// As many as a small model's pass has, and of about one size, so that probes meet what a pass meets: from one
// graph of 115 exchanges on two H100, a fit said of short ones in a replay's graphs that they take 60 %
// longer than they did; from graphs of eight of any size, still 9 %.
constexpr std::size_t exchanges_together = 8;
constexpr int warmups = 2;

// Exchanges of given plans in one room. Plans play the part of layers: one stamp table holds them all.
class PlanSweep {
  public:
    PlanSweep(Communicator const& communicator, Exchange& exchange, std::vector<ExchangePlan> plans,
              std::size_t iterations)
        : communicator_(communicator),
          exchange_(exchange),
          plans_(std::move(plans)),
          buffers_(exchange.memory()),
          recorder_(iterations, plans_.size(), Detail::exchanges, exchange.memory()) {
        std::int64_t home_bytes = 0, expert_bytes = 0;
        for (auto& plan : plans_) {
            plan = with_all_rows(std::move(plan), exchange, communicator);
            home_bytes = std::max(home_bytes, plan.total_send_rows() * plan.row_bytes);
            expert_bytes = std::max(expert_bytes, plan.total_receive_rows() * plan.row_bytes);
        }
        buffers_.home.reserve(static_cast<std::size_t>(home_bytes));
        buffers_.expert.reserve(static_cast<std::size_t>(expert_bytes));
    }

    // Not recorded. Eager in any case: connections cannot be made while a graph is recorded.
    void warm_up() {
        for (std::size_t which = 0; which < plans_.size(); ++which) isolated(which);
    }

    void sample(std::size_t iteration, std::span<std::int32_t const> plans, Launch launch) {
        recorder_.begin_iteration(iteration);
        if (launch == Launch::eager) {
            if (exchange_.memory() == MemoryKind::device) lead_in(plans.front());
            for (auto const which : plans) isolated(static_cast<std::size_t>(which));
        } else {
            auto const graph = device().capture([&] {
                for (auto const which : plans) run(static_cast<std::size_t>(which));
            });
            graph->replay();  // the first time, a graph is brought to the device while it runs
            wait_for_all();
            graph->replay();
        }
        recorder_.end_iteration();
        recorder_.forget_marks();
    }

    StampRecorder const& recorder() const { return recorder_; }

  private:
    void exchange(std::size_t which) {
        auto const& plan = plans_[which];
        exchange_.run(
            plan, buffers_.home.rows(static_cast<std::size_t>(plan.total_send_rows() * plan.row_bytes)),
            buffers_.expert.rows(static_cast<std::size_t>(plan.total_receive_rows() * plan.row_bytes)));
    }
    void run(std::size_t which) {
        StepScope const step(&recorder_, make_id<LayerId>(which), Step::dispatch);
        exchange(which);
    }
    // Not recorded, as before a replay (measure/replay.cpp says why).
    void lead_in(std::int32_t which) {
        wait_for_all();
        exchange(static_cast<std::size_t>(which));
    }
    void wait_for_all() {
        if (exchange_.memory() == MemoryKind::device) device().synchronise();
        communicator_.barrier();
    }
    void isolated(std::size_t which) {
        wait_for_all();
        run(which);
    }

    Communicator communicator_;
    Exchange& exchange_;
    std::vector<ExchangePlan> plans_;
    ExchangeBuffers buffers_;
    StampRecorder recorder_;
};

// Plans in groups of about one size: neighbours by the busiest port of any rank. The same on every rank.
std::vector<std::vector<std::int32_t>> groups_by_size(Communicator const& communicator,
                                                      std::span<ExchangePlan const> plans) {
    std::vector<std::pair<std::int64_t, std::int32_t>> sizes;
    for (auto const& plan : plans) {
        auto const mine = plan.row_bytes * std::max(plan.total_send_rows(), plan.total_receive_rows());
        sizes.emplace_back(communicator.max(mine), static_cast<std::int32_t>(sizes.size()));
    }
    std::sort(sizes.begin(), sizes.end());
    std::vector<std::vector<std::int32_t>> groups;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        if (i % exchanges_together == 0) groups.emplace_back();
        groups.back().push_back(sizes[i].second);
    }
    return groups;
}

// Shape of the result: [plan][iteration].
std::vector<std::vector<double>> slowest_of(Communicator const& communicator, Exchange& exchange,
                                            std::vector<ExchangePlan> plans, std::size_t iterations,
                                            std::uint64_t seed, std::vector<ClockOffset> const& offsets,
                                            Launch launch) {
    auto const count = plans.size();
    auto const groups = groups_by_size(communicator, plans);
    PlanSweep sweep(communicator, exchange, std::move(plans), iterations);
    for (int warmup = 0; warmup < warmups; ++warmup) sweep.warm_up();
    auto const order = interleaved_order(groups.size(), iterations, seed);
    for (std::size_t i = 0; i < iterations; ++i) {
        for (auto const group : order.row(i)) {
            auto together = groups[static_cast<std::size_t>(group)];
            Random(mix64(seed + i), "probes together").shuffle(std::span(together));
            sweep.sample(i, together, launch);
        }
    }
    auto const samples = collect(communicator, sweep.recorder(), offsets);
    std::vector<std::vector<double>> all;
    for (std::size_t which = 0; communicator.is_root() && which < count; ++which) {
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
