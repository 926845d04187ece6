// What is the perplexity, and of what exactly? One evaluation with all that is needed to repeat it.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.hpp"
#include "bench/subject.hpp"

namespace moewire {

struct EvaluationRequest {
    std::string protocol = "disjoint";
    std::int64_t window_tokens = 256;
    std::int64_t max_windows = 64;  // 0: all
};

struct Evaluation {
    std::string model, dataset, split, protocol, dtype;
    std::string bos = "none";  // text is encoded without special tokens
    std::int64_t window_tokens = 0, windows = 0;
    std::int64_t targets = 0;  // scored
    std::int64_t tokens = 0;   // of the whole text
    double perplexity = 0;
    double bits_per_byte = 0;  // of the scored targets' own bytes
};

// Collective: all ranks. Throws on all ranks: usage, for an unknown protocol or a text shorter than a window.
Evaluation evaluate(Context const& context, Subject& subject, PlainParallel const& parallel,
                    std::string const& dataset, Split split, EvaluationRequest const& request);

Json to_json(Evaluation const& evaluation);

Split split_of(std::string const& name);  // Throws: usage.

}  // namespace moewire
