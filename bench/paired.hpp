// Do two evaluations differ? Runs over the same tokens in the same windows, compared window by window.
#pragma once

#include <filesystem>
#include <string>

#include "base/json.hpp"
#include "bench/evaluation.hpp"

namespace moewire {

// An evaluation with every window's sum: what a later run can be compared with.
Json to_record(Evaluation const& evaluation);

// What an earlier run left, as far as it is needed.
struct EarlierRun {
    std::string from;  // file, or model and dtype
    std::string model, dtype, dataset, protocol, bos, digest;
    std::int64_t window_tokens = 0, stride_tokens = 0;
    WindowScores scores = {};
};
EarlierRun earlier_run(Evaluation const& evaluation);

// Throws: usage, naming file and key, when this is no result of `moewire eval`.
EarlierRun read_earlier_run(std::filesystem::path const& path);

// Throws: usage, saying what differs, when the windows are not those of the earlier run.
void require_same_windows(EarlierRun const& earlier, EvaluationText const& text);

// The evaluation less the earlier run, with 95 % intervals.
struct Comparison {
    std::string with;  // the earlier run: its model and dtype
    std::string from;
    std::int64_t windows = 0;
    Interval nll_difference;    // of the mean over targets
    Interval perplexity_ratio;  // e to the difference
};
Comparison compare(Evaluation const& evaluation, EarlierRun const& earlier);
Json to_json(Comparison const& comparison);
std::string as_text(Comparison const& comparison);

}  // namespace moewire
