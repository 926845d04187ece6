#include "bench/watching.hpp"

#include <algorithm>
#include <array>

#include "bench/pass_figures.hpp"
#include "measure/interleave.hpp"

namespace moewire {
namespace {

constexpr std::int64_t most_iterations = 60;
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
    std::vector<double> took_s;
    for (auto const& one : passes) {
        auto const table = by_rank(world, one.took_s);
        if (world.is_root()) took_s.push_back(median_of_slowest(table));
    }
    if (!world.is_root()) return;
    auto const added = [&](Watched kind) { return took_s[static_cast<std::size_t>(kind)] / took_s[0] - 1; };
    found_ = {{"outer_overhead_ratio", added(Watched::events)},
              {"stamped_overhead_ratio", added(Watched::exchanges)},
              {"instrumentation_overhead_ratio", added(Watched::all_steps)},
              {"dispatch_p50_s", median_of_passes(alone.dispatch.transfer_s)},
              {"combine_p50_s", median_of_passes(alone.combine.transfer_s)},
              {"permuted_dispatch_p50_s", median_of_passes(samples.dispatch.transfer_s)},
              {"permuted_combine_p50_s", median_of_passes(samples.combine.transfer_s)}};
}

}  // namespace moewire
