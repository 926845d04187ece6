// How is a model trained from the command line? Options, steps, checkpoints and the history of one run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/subject.hpp"
#include "train/batches.hpp"
#include "train/trainer.hpp"

namespace moewire {

// What `train` and `finetune` share.
struct LearningRequest {
    SubjectRequest subject;
    std::string dataset = "drama", output_dir;
    std::int64_t batch_size = 4, accumulate = 1, max_length = 256;
    double learning_rate = 1e-4, floor = 0.05;
    std::int64_t warmup_steps = 20;
    double weight_decay = 0.1, clip_norm = 1.0;
    std::string imbalance_loss = "gini", losses, learns = "all", policy;
    double imbalance_weight = 0, load_balance_weight = 0;
    std::int64_t save_every = 0, keep_last = 2, evaluate_every = 0, valid_windows = 32, log_every = 0;
    bool resume = false, recompute = false, keep_best = false;
    std::uint64_t seed = 0;
};
void declare_learning_options(CLI::App& app, LearningRequest& request);

// The words of "a,b" and what they weigh: "0.001*z,0.01*cv:power=one". Throws: usage.
std::vector<BalanceTermOptions> balance_terms(LearningRequest const& request);

// The folder to go on from: of the newest complete checkpoint below `output_dir`. Throws: usage, when there
// is none.
std::filesystem::path newest_checkpoint(std::filesystem::path const& output_dir);

// Collective: all ranks. Learns from `batches` for `steps` steps. Leaves in the output folder "model",
// "training_history.json", "checkpoints/step-NNNNNN" and plots. SIGTERM: writes a checkpoint and returns
// early. `is_new`: no checkpoint to go on from. Returns the exit code. Throws: failure, naming step and
// layer, when a loss is not finite; the checkpoints before it stay.
enum class OnSignal {
    checkpoint,  // SIGTERM or SIGUSR1: write a checkpoint and return
    ignore       // whoever called looks after them
};
struct LearningRun {
    LearningRequest const& request;
    Subject& subject;
    Batches const& batches;
    std::int64_t steps = 0;
    std::filesystem::path resumed_from = {};  // empty: none
    OnSignal on_signal = OnSignal::checkpoint;
};
int learn(Context const& context, LearningRun const& run);

// Collective: all ranks. The tokens of each of the datasets ("a,b"), of one split.
std::vector<std::vector<std::int32_t>> tokens_of(Context const& context, Subject const& subject,
                                                 std::string const& datasets, Split split);

}  // namespace moewire
