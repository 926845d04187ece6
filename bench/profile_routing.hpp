// What did the router choose in a text? The counts of all ranks that a profile's figures are made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/subject.hpp"

namespace moewire {

// A text that is to be profiled.
struct ProfileText {
    std::string name;
    Windows windows;
};

struct RoutedText {
    std::int64_t tokens = 0;
    std::int64_t batch_tokens = 0;       // of each batch
    Grid<std::int64_t, 2> counts;        // Shape: [layer, expert]
    Grid<std::int64_t, 3> batch_counts;  // Shape: [batch, layer, expert]; full batches alone
    Grid<std::int64_t, 3> pairs;         // Shape: [layer, expert, expert]
    // Router margins of each layer's tokens, in the text's order; empty on ranks but root. One float a token
    // and layer: the router's scores themselves are never kept.
    std::vector<std::vector<float>> margins;
};

// Collective: all ranks. A batch is what one forward step of `batch_windows` windows would send: consecutive
// windows of the text, whichever rank runs them. All windows are one batch where there are fewer.
RoutedText route_text(Context const& context, Subject& subject, PlainParallel const& parallel,
                      ProfileText const& text, std::int64_t batch_windows);

}  // namespace moewire
