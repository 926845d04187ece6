// How does a model learn from batches? One step: forward, backward, gradients of all ranks, AdamW. No torch
// header is needed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/grid.hpp"
#include "model/language_model.hpp"

namespace moewire {

struct BalanceTermOptions {
    std::string spec;   // "gini:load=straight"
    double weight = 0;  // of the mean over layers, beside the language model's loss
};

// AdamW (arXiv 1711.05101) on fp32 weights, whatever computes. Vectors (norms, biases) do not decay.
struct TrainerOptions {
    double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
    double weight_decay = 0.1;
    double clip_norm = 1.0;  // of all gradients together; 0: none
    double lm_weight = 1;    // of the language model's loss; 0 shows what the terms alone pull
    std::vector<BalanceTermOptions> terms;
    std::string learns = "all";  // all, router, experts, last:LAYERS, lora:RANK[:ALPHA]
    bool recomputes_activations = false;
    std::string policy;  // that routes while learning, e.g. "loss_free_bias:speed=0.001"; "": the model's own
    std::uint64_t seed = 0;
};

// What one step said, over all ranks.
struct StepRecord {
    std::int64_t step = 0, tokens = 0;  // tokens: of all ranks' batches
    double learning_rate = 0;
    double lm_loss = 0;               // nats of a target
    std::vector<double> term_values;  // of each balance term, without its weight
    double total_loss = 0;
    double gradient_norm = 0;               // before clipping
    double router_gradient_norm = 0;        // of the routers' alone
    Grid<std::int64_t, 2> expert_tokens;    // Shape: [layer, expert]
    std::int64_t first_unsound_layer = -1;  // of the decoder: its results are not all finite
    bool is_sound = true;                   // else nothing was learned from it
};

class Trainer {
  public:
    // `model` and what `parallel` names must outlive it. Collective: all ranks. Throws: usage, for unknown
    // terms or parts, experts held twice, or half precision without range (float16).
    Trainer(LanguageModel& model, ExpertParallel const& parallel, TrainerOptions options);
    ~Trainer();
    Trainer(Trainer const&) = delete;

    // Collective: all ranks, with the same number of batches each, none empty. Their gradients add up to
    // those of one large batch (but for balance terms, which look at one batch at a time). A step whose
    // gradients are not finite changes nothing. Throws: failure, out of memory, naming what to turn.
    void step(std::span<Grid<std::int32_t, 2> const> batches, double learning_rate);

    // Collective: all ranks. What the steps since the last call said: waits for the device once.
    std::vector<StepRecord> take_records();

    std::int64_t steps_done() const;
    ActivePolicy* policy() const;  // null: the model's own router

    // Collective: all ranks. One file a rank in `folder`: fp32 weights, moments and the step. Reading takes
    // what the files of any number of ranks hold. Throws: usage, when something is missing; failure, when
    // they cannot be written.
    void save_state(std::filesystem::path const& folder) const;
    void load_state(std::filesystem::path const& folder);

    // Parameters of this rank that learn.
    std::int64_t learning_here() const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

// Linear from 0 over `warmup` steps, then half a cosine down to `floor` times the peak at step `total`.
struct RateSchedule {
    double peak = 0;
    std::int64_t warmup = 0, total = 1;
    double floor = 0.05;
    double at(std::int64_t step) const;  // the first step is 0
};

}  // namespace moewire
