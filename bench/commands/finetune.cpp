// moewire finetune: teach a trained model to balance its experts, and see what that costs.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "bench/arms.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

struct Options {
    LearningRequest learning;
    std::int64_t epochs = 3, max_samples = 1000;
    std::string arms, arm_datasets;
    std::int64_t arm_windows = 32;
    int arm_ranks = 4;
};

int compare_arms(Context const& context, Options const& o) {
    ArmsRequest request{o.learning,     o.epochs,      o.max_samples, o.arms,
                        o.arm_datasets, o.arm_windows, o.arm_ranks};
    if (request.datasets.empty()) request.datasets = o.learning.dataset;
    auto const results = run_arms(context, request);
    print(context, arms_table(results) + arms_answer(results));
    return 0;
}

int run(Context const& context, Options options) {
    auto& r = options.learning;
    std::filesystem::path from;
    run_on_all(context.world, [&] {
        refuse_perplexity_of_synthetic(r.subject);
        balance_terms(r);
        if (options.epochs < 1)
            throw usage_error("--num_epochs is below 1 (nothing would be learned); give 1 or more");
        if (context.world.is_root()) ensure_writable_folder(r.output_dir);
        if (r.resume) from = newest_checkpoint(r.output_dir);
    });
    if (!options.arms.empty()) return compare_arms(context, options);
    if (r.resume) r.subject.model = from.string();
    auto subject = load_subject(context.world, r.subject, WithTokenizer::yes);
    auto texts = tokens_of(context, subject, r.dataset, Split::train);
    BatchOptions const shape{r.batch_size, r.accumulate, r.max_length, r.seed};
    Batches batches;
    run_on_all(context.world,
               [&] { batches = Batches::by_epoch(std::move(texts), shape, options.max_samples); });
    return learn(context, {r, subject, batches, batches.steps_of_epoch() * options.epochs, from});
}

constexpr char const* explanation =
    "Examples:\n"
    "  moewire finetune --model tiny-phimoe --dataset drama --imbalance_loss gini --imbalance_weight 0.01 "
    "--load_balance_weight 0.01 --num_epochs 3 --batch_size 4 --max_samples 1000 --output_dir runs/balanced\n"
    "  mpirun -n 2 moewire finetune --dataset drama --learn router --output_dir runs/router\n"
    "  moewire finetune --dataset drama --learn lora:8 --learning_rate 0.001 --output_dir runs/lora\n"
    "  moewire measure --model runs/balanced/model --dataset drama\n"
    "  moewire finetune --arms quick --dataset drama --arm_datasets drama,manual --num_epochs 1 --output_dir "
    "runs/arms\n"
    "Leaves in the folder: model (transformers reads it), training_history.json, checkpoints, plots.\n"
    "Losses are means over layers. Hard figures count choices; soft ones can fall while no choice changes.\n"
    "SIGTERM writes a checkpoint and ends in order; the same command with --resume goes on, in fp32 on as "
    "many ranks bit by bit as if nothing had happened.";

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    o->learning.imbalance_weight = 0.01;
    o->learning.load_balance_weight = 0.01;
    declare_learning_options(app, o->learning);
    option(app, "num_epochs", o->epochs, "Times that every sample is seen");
    option(app, "max_samples", o->max_samples, "Sequences at most; 0: all");
    option(app, "arms", o->arms, "Instead of one fine-tune compare several: quick or full");
    option(app, "arm_datasets", o->arm_datasets,
           "Texts that arms are evaluated on, by comma; none: --dataset");
    option(app, "arm_windows", o->arm_windows, "Windows of --max_length tokens of each");
    option(app, "arm_ranks", o->arm_ranks, "Ranks whose loads are compared, experts in contiguous blocks");
    footer(app, explanation);
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "finetune", "Teaches a model to balance its experts, by one loss or several.", {declare});

}  // namespace
}  // namespace moewire
