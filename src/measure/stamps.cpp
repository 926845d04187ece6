#include "measure/stamps.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace moewire {
namespace {

bool is_exchange(Step step) {
    return step == Step::dispatch || step == Step::combine || step == Step::migrate;
}

using AllStamps = Grid<double, 5>;  // [rank, iteration, layer, step, edge], on rank 0's clock

constexpr int clock_rounds = 20;

// GPU time = host time + offset_s, from the quickest answer of a few.
ClockOffset device_clock() {
    ClockOffset best{0, std::numeric_limits<double>::infinity(), "gpu"};
    for (auto const& reading : device().read_clock(clock_rounds)) {
        double const bound_s = (reading.host_after_s - reading.host_before_s) / 2;
        if (bound_s < best.bound_s)
            best = {reading.device_s - (reading.host_before_s + reading.host_after_s) / 2, bound_s, "gpu"};
    }
    return best;
}

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
    DirectionSamples samples{empty, empty, empty, {}};
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

// Every rank's [iteration, layer, step] as [iteration, layer, rank] of one step, on rank 0.
Grid<double, 3> device_times(Communicator const& communicator, StampRecorder const& recorder, Step step) {
    auto const& mine = recorder.device_s();
    std::vector<double> of_step;
    for (std::size_t i = 0; i < mine.extent(0); ++i) {
        for (std::size_t l = 0; l < mine.extent(1); ++l)
            of_step.push_back(mine(i, l, static_cast<int>(step)));
    }
    auto const all = communicator.gather(std::span<double const>(of_step));
    if (!communicator.is_root()) return {};
    auto const ranks = static_cast<std::size_t>(communicator.size());
    Grid<double, 3> times(mine.extent(0), mine.extent(1), ranks);
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        for (std::size_t i = 0; i < mine.extent(0); ++i) {
            for (std::size_t l = 0; l < mine.extent(1); ++l)
                times(i, l, rank) = all[(rank * mine.extent(0) + i) * mine.extent(1) + l];
        }
    }
    return times;
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

StampRecorder::StampRecorder(std::size_t iterations, std::size_t layers, Detail detail, MemoryKind where)
    : detail_(detail), where_(where), stamps_(iterations, layers, step_count, 2) {
    if (where_ == MemoryKind::host) return;
    device_s_ = Grid<double, 3>(iterations, layers, step_count);
    marks_ = device().make_marks(layers * step_count * 2);
    marked_.assign(stamps_.extent(1) * step_count * 2, unmarked);
}

void StampRecorder::begin_iteration(std::optional<std::size_t> iteration) {
    iteration_ = iteration;
}

void StampRecorder::stamp(LayerId layer, Step step, int edge) {
    bool is_of_host = where_ == MemoryKind::host;
    bool const settles = detail_ == Detail::settled && !is_of_host;
    bool const begins_with_plan = detail_ == Detail::with_permutation || settles;
    bool const exchanges_alone = !begins_with_plan && detail_ != Detail::all_steps;
    if (!iteration_ || (exchanges_alone && !is_exchange(step))) return;
    if (begins_with_plan) {
        bool const is_planned = edge == 1 && step == Step::counts;
        bool const begins = is_planned || (edge == 0 && step == Step::combine);
        auto const last = settles ? Step::combine : Step::unpermute;
        bool const ends = edge == 1 && (step == Step::dispatch || step == last);
        if (!begins && !ends) return;
        if (settles && is_planned) device().synchronise();
        step = is_planned || step == Step::dispatch ? Step::dispatch : Step::combine;
        edge = begins ? 0 : 1;
        // A moment of the host: a GPU may still be at work on what was queued before.
        if (is_planned) is_of_host = true;
    }
    auto const index =
        (index_of(layer) * step_count + static_cast<std::size_t>(step)) * 2 + static_cast<std::size_t>(edge);
    if (is_of_host) {
        stamps_(*iteration_, layer, static_cast<int>(step), edge) = monotonic_s();
        if (where_ == MemoryKind::device) marked_[index] = of_host;
        return;
    }
    // Events inside, so that what lies between them is the step alone.
    bool const is_stamped = detail_ != Detail::events;
    if (edge == 0 && is_stamped) marks_->stamp(index);
    marks_->mark(index);
    if (edge == 1 && is_stamped) marks_->stamp(index);
    marked_[index] = of_device;
}

void StampRecorder::end_iteration() {
    if (where_ == MemoryKind::host) return;
    device().synchronise();
    if (!iteration_) return;
    bool const is_stamped = detail_ != Detail::events;
    auto const clock = is_stamped ? device_clock() : ClockOffset{};
    clock_bound_s_ = std::max(clock_bound_s_, clock.bound_s);
    for (std::size_t layer = 0; layer < stamps_.extent(1); ++layer) {
        for (std::size_t step = 0; step < step_count; ++step) {
            auto const index = (layer * step_count + step) * 2;
            if (marked_[index] == unmarked || marked_[index + 1] == unmarked) continue;
            for (std::size_t edge = 0; edge < 2 && is_stamped; ++edge) {
                if (marked_[index + edge] == of_device)
                    stamps_(*iteration_, layer, step, edge) = marks_->stamp_s(index + edge) - clock.offset_s;
            }
            if (marked_[index] == of_device)
                device_s_(*iteration_, layer, step) = marks_->seconds_between(index, index + 1);
        }
    }
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
    double const clock_bound_s = communicator.max(recorder.clock_bound_s());
    std::map<Step, Grid<double, 3>> device_s;
    if (recorder.where() == MemoryKind::device) {
        for (auto const step : {Step::dispatch, Step::combine, Step::migrate})
            device_s[step] = device_times(communicator, recorder, step);
    }
    if (!communicator.is_root()) return {};
    Samples samples{samples_of(all, Step::dispatch),
                    samples_of(all, Step::combine),
                    samples_of(all, Step::migrate),
                    {},
                    clock_bound_s};
    samples.dispatch.device_s = std::move(device_s[Step::dispatch]);
    samples.combine.device_s = std::move(device_s[Step::combine]);
    samples.migration.device_s = std::move(device_s[Step::migrate]);
    if (recorder.detail() == Detail::all_steps) samples.steps_s = durations_of(all);
    return samples;
}

}  // namespace moewire
