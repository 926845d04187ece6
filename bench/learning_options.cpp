#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/error.hpp"
#include "bench/learning.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace fs = std::filesystem;

void declare_learning_options(CLI::App& app, LearningRequest& r) {
    declare_subject_options(app, r.subject);
    option(app, "dataset", r.dataset,
           "Texts to learn from, by comma: domains, wikitext, UTF-8 files or folders");
    option(app, "output_dir", r.output_dir, "Folder for the model, its checkpoints and the history",
           Presence::required);
    option(app, "batch_size", r.batch_size, "Sequences of a step, over all ranks");
    option(app, "accumulate", r.accumulate, "Batches that a step is parted into: less memory, the same step");
    option(app, "max_length", r.max_length, "Tokens of a sequence");
    option(app, "learning_rate", r.learning_rate, "At its peak");
    option(app, "warmup_steps", r.warmup_steps, "Steps of the linear rise");
    option(app, "floor", r.floor, "Where the cosine ends, as a part of the peak");
    option(app, "weight_decay", r.weight_decay, "Of matrices");
    option(app, "clip_norm", r.clip_norm, "Largest norm of all gradients together; 0: any");
    option(app, "imbalance_loss", r.imbalance_loss,
           "gini, variance, cv, entropy or any other of `moewire list`");
    option(app, "imbalance_weight", r.imbalance_weight, "Its weight");
    option(app, "load_balance_weight", r.load_balance_weight, "Weight of the switch loss");
    option(app, "losses", r.losses, "Further ones: WEIGHT*NAME[:key=value], by comma");
    option(app, "learn", r.learns,
           "What learns: all, router, experts, last:LAYERS, or lora:RANK[:ALPHA]: thin matrices beside "
           "frozen experts, "
           "merged when saved");
    option(app, "policy", r.policy, "Routing policy while learning, e.g. loss_free_bias:speed=0.001");
    option(app, "save_every", r.save_every, "Steps between checkpoints; 0: at the end alone");
    option(app, "keep_last", r.keep_last, "Checkpoints that are kept");
    option(app, "evaluate_every", r.evaluate_every,
           "Steps between perplexities on the valid split; 0: by epoch");
    option(app, "valid_windows", r.valid_windows, "Windows of each text's valid split; 0: no perplexity");
    option(app, "log_every", r.log_every, "Steps between looks at the device; 0: 1 on the CPU, 20 on a GPU");
    flag(app, "resume", r.resume, "Go on from the newest checkpoint in the output folder");
    flag(app, "recompute", r.recompute,
         "Layers run again on the way back instead of keeping what they computed");
    flag(app, "keep_best", r.keep_best, "The model left is the best on the valid split, not the last");
    option(app, "seed", r.seed, "Of the order of texts");
}

std::vector<BalanceTermOptions> balance_terms(LearningRequest const& r) {
    std::vector<BalanceTermOptions> terms{{r.imbalance_loss, r.imbalance_weight},
                                          {"switch", r.load_balance_weight}};
    if (r.losses.empty()) return terms;
    for (auto const& word : split_list(r.losses, "--losses")) {
        auto const star = word.find('*');
        double weight = 0;
        auto const* const end = word.data() + (star == std::string::npos ? 0 : star);
        auto const [rest, problem] = std::from_chars(word.data(), end, weight);
        if (star == std::string::npos || problem != std::errc{} || rest != end)
            throw usage_error(fmt::format("'{}' is no weighted loss (its weight is missing); write 0.01*{}",
                                          word, word.substr(star == std::string::npos ? 0 : star + 1)));
        terms.push_back({word.substr(star + 1), weight});
    }
    return terms;
}

fs::path newest_checkpoint(fs::path const& output_dir) {
    std::vector<fs::path> found;
    std::error_code ignored;
    for (auto const& entry : fs::directory_iterator(output_dir / "checkpoints", ignored)) {
        auto const name = entry.path().filename().string();
        if (name.starts_with("step-") && entry.path().extension().empty()) found.push_back(entry.path());
    }
    if (found.empty())
        throw usage_error(fmt::format("{} holds no checkpoint (nothing to go on from); leave out --resume",
                                      output_dir.string()));
    return *std::max_element(found.begin(), found.end());
}

std::vector<std::vector<std::int32_t>> tokens_of(Context const& context, Subject const& subject,
                                                 std::string const& datasets, Split split) {
    std::vector<std::vector<std::int32_t>> texts;
    run_on_all(context.world, [&] {
        for (auto const& name : split_list(datasets, "--dataset"))
            texts.push_back(tokenise(subject, name, split).tokens);
    });
    return texts;
}

}  // namespace moewire
