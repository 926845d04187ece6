#include "measure/stamps.hpp"

#include <algorithm>

namespace moewire {
namespace {

bool is_exchange(Step step) {
    return step == Step::dispatch || step == Step::combine || step == Step::migrate;
}

using AllStamps = Grid<double, 5>;  // [rank, iteration, layer, step, edge], on rank 0's clock

AllStamps gather_stamps(Communicator const& communicator, Grid<double, 4> const& mine,
                        std::vector<ClockOffset> const& offsets) {
    auto values = communicator.gather(mine.row());
    if (!communicator.is_root()) return {};
    auto const& s = mine.shape();
    AllStamps all({static_cast<std::size_t>(communicator.size()), s[0], s[1], s[2], s[3]}, std::move(values));
    for (std::size_t rank = 0; rank < offsets.size(); ++rank) {
        for (double& stamp_s : all.row(rank)) stamp_s -= offsets[rank].offset_s;
    }
    return all;
}

DirectionSamples samples_of(AllStamps const& all, Step step) {
    auto const ranks = all.extent(0), iterations = all.extent(1), layers = all.extent(2);
    Grid<double, 3> const empty(iterations, layers, ranks);
    DirectionSamples samples{empty, empty, empty};
    std::vector<double> entered_s(ranks), left_s(ranks);
    for (std::size_t i = 0; i < iterations; ++i) {
        for (std::size_t l = 0; l < layers; ++l) {
            for (std::size_t r = 0; r < ranks; ++r) {
                entered_s[r] = all(r, i, l, static_cast<int>(step), 0);
                left_s[r] = all(r, i, l, static_cast<int>(step), 1);
            }
            auto const split = split_wait(entered_s, left_s);
            std::copy(split.host_s.begin(), split.host_s.end(), samples.host_s.row(i, l).begin());
            std::copy(split.wait_s.begin(), split.wait_s.end(), samples.wait_s.row(i, l).begin());
            std::copy(split.transfer_s.begin(), split.transfer_s.end(), samples.transfer_s.row(i, l).begin());
        }
    }
    return samples;
}

Grid<double, 4> durations_of(AllStamps const& all) {
    auto const ranks = all.extent(0), iterations = all.extent(1), layers = all.extent(2);
    Grid<double, 4> durations(iterations, layers, step_count, ranks);
    for (std::size_t i = 0; i < iterations; ++i) {
        for (std::size_t l = 0; l < layers; ++l) {
            for (int s = 0; s < step_count; ++s) {
                for (std::size_t r = 0; r < ranks; ++r)
                    durations(i, l, s, r) = all(r, i, l, s, 1) - all(r, i, l, s, 0);
            }
        }
    }
    return durations;
}

}  // namespace

StampRecorder::StampRecorder(std::size_t iterations, std::size_t layers, Detail detail)
    : detail_(detail), stamps_(iterations, layers, step_count, 2) {}

void StampRecorder::begin_iteration(std::optional<std::size_t> iteration) {
    iteration_ = iteration;
}

void StampRecorder::stamp(LayerId layer, Step step, int edge) {
    if (!iteration_ || (detail_ == Detail::exchanges && !is_exchange(step))) return;
    stamps_(*iteration_, layer, static_cast<int>(step), edge) = monotonic_s();
}

void StampRecorder::enter(LayerId layer, Step step) {
    stamp(layer, step, 0);
}
void StampRecorder::leave(LayerId layer, Step step) {
    stamp(layer, step, 1);
}

WaitSplit split_wait(std::vector<double> const& entered_s, std::vector<double> const& left_s) {
    double const last_entry_s = *std::max_element(entered_s.begin(), entered_s.end());
    WaitSplit split;
    for (std::size_t rank = 0; rank < entered_s.size(); ++rank) {
        // A rank with nothing to exchange with the last one may be done before it arrives.
        double const waited_until_s = std::min(last_entry_s, left_s[rank]);
        split.host_s.push_back(left_s[rank] - entered_s[rank]);
        split.wait_s.push_back(waited_until_s - entered_s[rank]);
        split.transfer_s.push_back(left_s[rank] - waited_until_s);
    }
    return split;
}

Samples collect(Communicator const& communicator, StampRecorder const& recorder,
                std::vector<ClockOffset> const& offsets) {
    auto const all = gather_stamps(communicator, recorder.stamps(), offsets);
    if (!communicator.is_root()) return {};
    Samples samples{
        samples_of(all, Step::dispatch), samples_of(all, Step::combine), samples_of(all, Step::migrate), {}};
    if (recorder.detail() == Detail::all_steps) samples.steps_s = durations_of(all);
    return samples;
}

}  // namespace moewire
