// Which tokens does a step learn from? Fixed by the seed and the step's number alone, whatever ran before and
// on however many ranks.
#pragma once

#include <cstdint>
#include <vector>

#include "base/grid.hpp"
#include "system/communicator.hpp"

namespace moewire {

struct BatchOptions {
    std::int64_t sequences = 4;   // of a step, over all ranks
    std::int64_t accumulate = 1;  // batches that a step is parted into
    std::int64_t positions = 256;
    std::uint64_t seed = 0;
};

// Windows of several texts.
class Batches {
  public:
    // Windows side by side, at most `max_windows` of all texts together, in equal shares as far as they go;
    // every epoch takes each once, in an order of its own. Throws: usage, when they fill no step.
    static Batches by_epoch(std::vector<std::vector<std::int32_t>> texts, BatchOptions options,
                            std::int64_t max_windows);
    // Windows from anywhere, texts in turn. Throws: usage, when a text is shorter than a window.
    static Batches at_random(std::vector<std::vector<std::int32_t>> texts, BatchOptions options);

    std::int64_t steps_of_epoch() const;  // at random: 0, there are none
    std::int64_t windows() const { return static_cast<std::int64_t>(windows_.size()); }

    // This rank's part of each batch of a step (the first is 0). Throws: usage, when a rank would have none.
    // Shape of each: [sequence, position].
    std::vector<Grid<std::int32_t, 2>> of_step(std::int64_t step, Communicator const& communicator) const;

  private:
    struct Window {
        std::size_t text, begin;
    };
    std::vector<Window> chosen(std::int64_t step) const;

    std::vector<std::vector<std::int32_t>> texts_;
    BatchOptions options_;
    std::vector<Window> windows_;  // empty: at random
};

}  // namespace moewire
