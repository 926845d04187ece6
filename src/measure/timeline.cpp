#include "measure/timeline.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "base/contract.hpp"

namespace moewire {
namespace {

// Own stamps of the kept passes, then their starts and ends: what a rank tells rank 0.
std::vector<double> told(StampRecorder const& recorder, PassTimes const& passes,
                         std::vector<std::int32_t> const& kept) {
    std::vector<double> values;
    for (auto const pass : kept) {
        auto const stamps = recorder.stamps().row(pass);
        values.insert(values.end(), stamps.begin(), stamps.end());
    }
    for (auto const pass : kept) {
        auto const at = static_cast<std::size_t>(pass);
        values.insert(values.end(), {passes.start_s[at], passes.start_s[at] + passes.took_s[at]});
    }
    return values;
}

// Onto rank 0's clock. A stamp that was never taken is 0, and stays so.
void shift(std::span<double> stamps, double offset_s) {
    for (double& stamp_s : stamps) {
        if (stamp_s != 0) stamp_s -= offset_s;
    }
}

}  // namespace

std::vector<double> slowest_of(Communicator const& communicator, std::vector<double> const& took_s) {
    std::vector<double> slowest_s;
    for (double const mine_s : took_s) slowest_s.push_back(communicator.max(mine_s));
    return slowest_s;
}

std::vector<std::int32_t> passes_to_keep(std::vector<double> const& took_s) {
    if (took_s.empty()) return {};
    std::vector<std::int32_t> order(took_s.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
        return took_s[static_cast<std::size_t>(a)] < took_s[static_cast<std::size_t>(b)];
    });
    std::set<std::int32_t> const kept{order.front(), order[(order.size() - 1) / 2], order.back()};
    return {kept.begin(), kept.end()};
}

Timeline collect_timeline(Communicator const& communicator, StampRecorder const& recorder,
                          PassTimes const& passes, std::vector<ClockOffset> const& offsets) {
    MOEWIRE_EXPECT(recorder.detail() == Detail::all_steps);
    auto const kept = passes_to_keep(slowest_of(communicator, passes.took_s));
    auto const mine = told(recorder, passes, kept);
    auto all = communicator.gather(std::span<double const>(mine));
    if (!communicator.is_root()) return {};
    auto const layers = recorder.stamps().extent(1), ranks = offsets.size();
    Timeline t{kept, Grid<double, 4>(kept.size(), layers, step_count, ranks),
               Grid<double, 4>(kept.size(), layers, step_count, ranks), Grid<double, 2>(kept.size(), ranks),
               Grid<double, 2>(kept.size(), ranks)};
    auto const of_pass = layers * step_count * 2;
    for (std::size_t rank = 0; rank < ranks; ++rank)
        shift(std::span(all).subspan(rank * mine.size(), mine.size()), offsets[rank].offset_s);
    for (std::size_t pass = 0; pass < kept.size(); ++pass) {
        auto const edge_s = [&](std::size_t rank, std::size_t edge) {
            return all[rank * mine.size() + kept.size() * of_pass + 2 * pass + edge];
        };
        double origin_s = std::numeric_limits<double>::infinity();
        for (std::size_t rank = 0; rank < ranks; ++rank) origin_s = std::min(origin_s, edge_s(rank, 0));
        for (std::size_t rank = 0; rank < ranks; ++rank) {
            t.pass_start_s(pass, rank) = edge_s(rank, 0) - origin_s;
            t.pass_end_s(pass, rank) = edge_s(rank, 1) - origin_s;
            auto const* const stamps = all.data() + rank * mine.size() + pass * of_pass;
            for (std::size_t i = 0; i < layers * step_count; ++i) {
                if (stamps[2 * i] == 0) continue;
                t.start_s(pass, i / step_count, i % step_count, rank) = stamps[2 * i] - origin_s;
                t.end_s(pass, i / step_count, i % step_count, rank) = stamps[2 * i + 1] - origin_s;
            }
        }
    }
    return t;
}

}  // namespace moewire
