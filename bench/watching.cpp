#include "bench/watching.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "base/statistics.hpp"
#include "bench/pass_figures.hpp"
#include "measure/interleave.hpp"

namespace moewire {
namespace {

constexpr std::int64_t most_iterations = 200;
constexpr std::size_t kinds = 6;

// Passes of one iteration ran one after another: what the machine does meanwhile, it does to all of them.
Quantile added_to(std::vector<double> const& base_s, std::vector<double> const& longer_s) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < base_s.size(); ++i) ratios.push_back(longer_s[i] / base_s[i] - 1);
    return quantile(ratios, 0.5);
}

std::vector<double> together(std::vector<double> sums, std::vector<double> const& others) {
    std::transform(sums.begin(), sums.end(), others.begin(), sums.begin(), std::plus<>());
    return sums;
}

}  // namespace

void Watching::run(Communicator const& world, std::vector<ClockOffset> const& offsets, MemoryKind memory,
                   std::size_t layers, std::int64_t iterations, std::uint64_t seed, RunPass const& run_pass) {
    auto const count = static_cast<std::size_t>(std::min(iterations, most_iterations));
    StampRecorder events(count, layers, Detail::events, memory);
    StampRecorder exchanges(count, layers, Detail::exchanges, memory);
    StampRecorder all_steps(count, layers, Detail::all_steps, memory);
    StampRecorder permuted(count, layers, Detail::with_permutation, memory);
    StampRecorder settled(count, layers, Detail::settled, memory);
    std::array<StampRecorder*, kinds> const recorders{&exchanges, &events,   &exchanges,
                                                      &all_steps, &permuted, &settled};
    std::vector<PassTimes> passes(kinds, PassTimes(count));
    run_interleaved(
        interleaved_order(kinds, count, seed), 1,
        [&](std::size_t kind, auto iteration) {
            run_pass(*recorders[kind], passes[kind], iteration, static_cast<Watched>(kind));
        },
        [] {});
    auto const alone = collect(world, exchanges, offsets), without = collect(world, settled, offsets),
               with = collect(world, permuted, offsets);
    std::vector<std::vector<double>> took_s;  // Shape: [kind, iteration]
    for (auto const& one : passes) took_s.push_back(slowest_of(world, one.took_s));
    if (!world.is_root()) return;
    auto const added = [&](Watched kind) {
        return added_to(took_s[0], took_s[static_cast<std::size_t>(kind)]);
    };
    auto const outer = added(Watched::events);
    found_ = {{"outer_overhead_ratio", outer.value},
              {"outer_overhead_low_ratio", outer.low},
              {"outer_overhead_high_ratio", outer.high},
              {"stamped_overhead_ratio", added(Watched::exchanges).value},
              {"instrumentation_overhead_ratio", added(Watched::all_steps).value},
              {"dispatch_p50_s", median_of_passes(alone.dispatch.transfer_s)},
              {"combine_p50_s", median_of_passes(alone.combine.transfer_s)},
              {"permuted_dispatch_p50_s", median_of_passes(with.dispatch.transfer_s)},
              {"permuted_combine_p50_s", median_of_passes(with.combine.transfer_s)},
              {"settled_dispatch_p50_s", median_of_passes(without.dispatch.transfer_s)},
              {"settled_combine_p50_s", median_of_passes(without.combine.transfer_s)}};
    auto const add = [this](std::string const& name, Quantile const& ratio) {
        found_[name + "_ratio"] = ratio.value;
        found_[name + "_low_ratio"] = ratio.low;
        found_[name + "_high_ratio"] = ratio.high;
    };
    add("outer_overhead", added(Watched::events));
    if (world.size() == 1) return;  // nothing travels
    auto const out_s = passes_of(without.dispatch.transfer_s), back_s = passes_of(without.combine.transfer_s);
    auto const permuted_s = passes_of(with.dispatch.transfer_s),
               summed_s = passes_of(with.combine.transfer_s);
    add("permutation", added_to(out_s, permuted_s));
    add("weighted_sum", added_to(back_s, summed_s));
    add("both_ways", added_to(together(out_s, back_s), together(permuted_s, summed_s)));
}

}  // namespace moewire
