// What moves, and where to? Steps 2 to 4 of a measured case: route, assign, count.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "assignment/strategy.hpp"
#include "bench/measure_request.hpp"
#include "bench/subject.hpp"
#include "measure/replay.hpp"
#include "traffic/traffic.hpp"

namespace moewire {

// One strategy on one text.
struct PreparedCase {
    std::string strategy;
    Family family = Family::placement;
    Assignment assignment;
    Traffic traffic;  // of the test text
    double plan_s = 0;
    std::int64_t moved_bytes = 0;  // expert weights that `contiguous` holds elsewhere
    std::unique_ptr<Replay> replay;
};

// A test text, the text that plans were made from, and all strategies on them.
struct PreparedText {
    std::string dataset, plan_dataset;
    std::string split = "test", plan_split = "train";
    Grid<std::int32_t, 2> windows;  // this rank's test windows. Shape: [window, position]
    Routing routing;                // of this rank's test windows
    Demand plan_demand, test_demand;
    double perplexity = 0;  // of all ranks' test windows, first token of each is no target
    std::vector<PreparedCase> cases;
};

// Collective: all ranks. The model routes plan text and test text (both expert-parallel, experts contiguous);
// every strategy plans from the plan text's demand alone; byte counts of the test text are checked against
// what the exchange will carry. Throws on all ranks.
PreparedText prepare_text(Context const& context, Subject& subject, PlainParallel const& parallel,
                          Exchange& exchange, MeasureRequest const& request, std::string const& dataset);

}  // namespace moewire
