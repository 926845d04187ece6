// Does a balance loss balance, and at what perplexity? The same fine-tune with and without each loss,
// compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/statistics.hpp"
#include "bench/learning.hpp"

namespace moewire {

struct ArmsRequest {
    LearningRequest learning;  // its losses are the arms' own
    std::int64_t epochs = 1, max_samples = 256;
    std::string set = "quick";       // or full
    std::string datasets;            // to be evaluated on, by comma; its own first
    std::int64_t test_windows = 32;  // of each
    int ranks = 4;                   // whose loads are compared: experts in contiguous blocks
    double coefficient = 0.01;       // of the Switch loss; matched arms pull as hard on the routers
};

// Collective: all ranks. Leaves in the output folder a model for every arm that learned ("NAME/model", which
// `measure --model` takes), arms_results.json (its `source` is what `measure --model` takes for "base") and
// plots/. An arm "base" is the model as it is, "zero" saw the same text without a balance loss,
// "loss_free_bias" changes no weight. Returns the results. Throws: usage.
Json run_arms(Context const& context, ArmsRequest const& request);

// The results as a table.
std::string arms_table(Json const& results);

// The arm with the lowest hard Gini on a text, beside the one that saw the same text without a balance loss.
struct BestArm {
    std::string name;
    Interval gini_change_percent;        // 95 %, over windows, each left out in turn
    Interval perplexity_change_percent;  // 95 %, over windows
};
// Nothing where no loss lowered it.
std::optional<BestArm> best_arm(Json const& results, std::string const& dataset);

// The seed study expects a Gini 20 to 40 % lower at a similar perplexity: what was found on each text.
std::string arms_answer(Json const& results);

}  // namespace moewire
