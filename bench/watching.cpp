#include "bench/watching.hpp"

#include <algorithm>
#include <array>

#include "base/statistics.hpp"
#include "bench/pass_figures.hpp"
#include "measure/interleave.hpp"

namespace moewire {
namespace {

constexpr std::int64_t most_iterations = 200;
constexpr std::size_t kinds = 5;

}  // namespace

void Watching::run(Communicator const& world, std::vector<ClockOffset> const& offsets, MemoryKind memory,
                   std::size_t layers, std::int64_t iterations, std::uint64_t seed, RunPass const& run_pass) {
    auto const count = static_cast<std::size_t>(std::min(iterations, most_iterations));
    StampRecorder events(count, layers, Detail::events, memory);
    StampRecorder exchanges(count, layers, Detail::exchanges, memory);
    StampRecorder all_steps(count, layers, Detail::all_steps, memory);
    StampRecorder permuted(count, layers, Detail::with_permutation, memory);
    std::array<StampRecorder*, kinds> const recorders{&exchanges, &events, &exchanges, &all_steps, &permuted};
    std::vector<PassTimes> passes(kinds, PassTimes(count));
    run_interleaved(
        interleaved_order(kinds, count, seed), 1,
        [&](std::size_t kind, auto iteration) {
            run_pass(*recorders[kind], passes[kind], iteration, static_cast<Watched>(kind));
        },
        [] {});
    auto const samples = collect(world, permuted, offsets), alone = collect(world, exchanges, offsets);
    std::vector<std::vector<double>> took_s;  // Shape: [kind, iteration]
    for (auto const& one : passes) took_s.push_back(slowest_of(world, one.took_s));
    if (!world.is_root()) return;
    // Passes of one iteration ran one after another: what the machine does meanwhile, it does to all of them.
    auto const added = [&](Watched kind) {
        std::vector<double> ratios;
        for (std::size_t i = 0; i < count; ++i)
            ratios.push_back(took_s[static_cast<std::size_t>(kind)][i] / took_s[0][i] - 1);
        return quantile(ratios, 0.5);
    };
    auto const outer = added(Watched::events);
    found_ = {{"outer_overhead_ratio", outer.value},
              {"outer_overhead_low_ratio", outer.low},
              {"outer_overhead_high_ratio", outer.high},
              {"stamped_overhead_ratio", added(Watched::exchanges).value},
              {"instrumentation_overhead_ratio", added(Watched::all_steps).value},
              {"dispatch_p50_s", median_of_passes(alone.dispatch.transfer_s)},
              {"combine_p50_s", median_of_passes(alone.combine.transfer_s)},
              {"permuted_dispatch_p50_s", median_of_passes(samples.dispatch.transfer_s)},
              {"permuted_combine_p50_s", median_of_passes(samples.combine.transfer_s)}};
}

}  // namespace moewire
