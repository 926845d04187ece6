// How long does one exchange take, size after size? One rung a byte matrix: checked, warmed up, sampled.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/grid.hpp"
#include "measure/cadence.hpp"
#include "measure/lane.hpp"
#include "measure/stop_rule.hpp"
#include "system/communicator.hpp"
#include "system/watchdog.hpp"
#include "traffic/matrix_file.hpp"
#include "transport/exchange.hpp"

namespace moewire {

// A time is own entry to own end with cadence isolated, and own end to own end with chained.
struct LadderSetting {
    Cadence cadence = Cadence::isolated;
    StopRule stop;
    std::int64_t row_bytes = matrix_step_bytes;
    std::int64_t warmups = 2;  // not recorded, before each batch of samples
    // Bounds each batch as a whole, where the exchange itself is not guarded: what guards every single one on
    // a GPU (an event, and asking after older ones) costs as much as a small exchange.
    Watchdog* watchdog = nullptr;
};

struct RungSamples {
    Grid<double, 2> rank_s;  // Shape: [iteration, rank]; complete on rank 0, empty elsewhere
    Stop ended = Stop::iterations;
    double first_call_s = 0;  // host clock, there and done, the slowest rank
};

// What this rank exchanges, in rows. Throws: contract, unless row_bytes divides every value.
ExchangePlan plan_of(ByteMatrix const& bytes, RankId rank, std::int64_t row_bytes);

// Every value rounded down to whole rows.
ByteMatrix in_rows(ByteMatrix bytes, std::int64_t row_bytes);

class Ladder {
  public:
    // Collective: all ranks. Allocates both sides for the largest of `rungs`, which all others share.
    // Exchange and lane must outlive the ladder. Throws on all ranks: usage, when they do not fit into the
    // memory.
    Ladder(Communicator const& communicator, Exchange& exchange, Lane& lane, LadderSetting const& setting,
           std::span<ByteMatrix const> rungs);

    // Collective: all ranks. Tells the exchange where rows will lie; why it cannot use it, or nothing.
    std::optional<std::string> register_memory(Exchange::Registration how);

    // Collective: all ranks. One exchange whose every byte is checked. Returns the slowest rank's time on the
    // host clock, up to the end of all that it enqueued. Throws on all ranks: failure (source "verify").
    double call(ByteMatrix const& bytes);

    // Collective: all ranks. Checks, warms up, samples until the rule ends it. As in nccl-tests, iterations
    // move through the whole room, so that small rows do not stay in a cache.
    RungSamples climb(ByteMatrix const& bytes);

  private:
    struct Rung;
    std::unique_ptr<Watchdog::Guard> guarded(char const* step) const;
    void run(Rung const& rung, std::size_t iteration);
    std::vector<double> batch(Rung const& rung, std::size_t first, std::size_t count);

    Communicator communicator_;
    Exchange* exchange_;
    Lane* lane_;
    LadderSetting setting_;
    std::uint64_t room_bytes_ = 0;
    std::uint64_t checks_ = 0;
};

}  // namespace moewire
