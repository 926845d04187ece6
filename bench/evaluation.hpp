// What is the perplexity, and of what exactly? One evaluation with all that is needed to repeat it.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.hpp"
#include "bench/subject.hpp"
#include "model/perplexity.hpp"
#include "text/protocol.hpp"

namespace moewire {

struct EvaluationRequest {
    std::string protocol = "disjoint";
    std::int64_t window_tokens = 0;  // 0: the protocol's own
    std::int64_t max_windows = 64;   // 0: all
    std::int64_t stride_tokens = 0;  // 0: half a window, where the protocol has one
    std::string bos = "protocol";    // or none, text, window
};

struct Evaluation {
    std::string model, dataset, split, protocol, dtype;
    std::string bos;  // the rule in words
    std::int64_t window_tokens = 0, windows = 0;
    std::int64_t stride_tokens = 0;     // 0: the protocol has none
    std::int64_t targets = 0;           // scored
    std::int64_t tokens = 0;            // of the whole text
    std::int64_t bytes = 0, words = 0;  // of the text that the scored targets stand for
    double perplexity = 0;
    double bits_per_byte = 0;
    double word_perplexity = 0;  // e to the nats of all targets over their words
    double page_perplexity = 0;  // hf_stride: as transformers' page weights windows; else NaN
    WindowScores scores;         // of all windows, in the text's order
    std::string digest;          // of the tokens in their windows
};

// A text as a protocol cuts it for the subject's tokenizer.
struct EvaluationText {
    std::string dataset, split;
    CutText cut;
};
// Throws: usage, for unknown names, a text shorter than a window, a stride longer than it.
EvaluationText cut_for(Subject const& subject, std::string const& dataset, Split split,
                       EvaluationRequest const& request);

// Collective: all ranks.
Evaluation evaluate(Context const& context, Subject& subject, PlainParallel const& parallel,
                    EvaluationText const& text);

// Collective: all ranks. Both at once. Throws on all ranks: usage, as cut_for.
Evaluation evaluate(Context const& context, Subject& subject, PlainParallel const& parallel,
                    std::string const& dataset, Split split, EvaluationRequest const& request);

Json to_json(Evaluation const& evaluation);

// What a trace keeps of an evaluation, out of what to_json made of it. Throws: usage, when something is
// missing.
Evaluation evaluation_of(Document const& json);

Split split_of(std::string const& name);  // Throws: usage.

}  // namespace moewire
