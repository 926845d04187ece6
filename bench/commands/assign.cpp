// moewire assign: what routing policies cost in perplexity; the seed study's second experiment.
#include <fmt/format.h>

#include "bench/assigning.hpp"
#include "bench/evaluation.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

struct Options {
    SubjectRequest subject;
    std::string dataset = "drama", split = "test";
    AssignRequest request;
};

// "a,b c" and "a b c" are the same.
std::vector<std::string> names_of(std::vector<std::string> const& words) {
    std::vector<std::string> names;
    for (auto const& word : words) {
        for (auto const& name : split_list(word, "--strategies")) names.push_back(name);
    }
    return names;
}

int run(Context const& context, Options o) {
    Split split{};
    run_on_all(context.world, [&] {
        refuse_perplexity_of_synthetic(o.subject);
        split = split_of(o.split);
        o.request.strategies = names_of(o.request.strategies);
        check(o.request);
    });
    auto subject = load_subject(context.world, o.subject, WithTokenizer::yes);
    PlainParallel const parallel(context.world, subject);
    auto const results = assign(context, subject, parallel, o.dataset, split, o.request);
    if (!context.world.is_root()) return 0;
    print(context, assignment_table(results) + fmt::format("wrote {}\n", o.request.output_dir));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    auto& r = o->request;
    declare_subject_options(app, o->subject);
    option(app, "strategies", r.strategies, "Policies, each name[:key=value]...; `moewire list` has them");
    option(app, "dataset", o->dataset, "Domain names by comma, wikitext, or a UTF-8 file or folder");
    option(app, "split", o->split, "train, valid or test");
    option(app, "max_samples", r.max_samples, "Windows to score");
    option(app, "max_length", r.max_length, "Tokens of a window");
    option(app, "batch_windows", r.batch_windows, "Windows of a rank in one batch");
    option(app, "calibration_samples", r.calibration_samples,
           "Windows of the train split that policies learn from before");
    option(app, "ranks_at", r.ranks_at, "Rank counts at which loads are compared, by comma");
    option(app, "seed", r.seed, "Seed of random policies");
    option(app, "output_dir", r.output_dir, "Folder for assignment_test_results.json and plots/");
    flag(app, "no_plots", r.no_plots, "Draw no figures");
    footer(
        app,
        "Example:\n  moewire assign --model tiny-phimoe --strategies balanced round_robin random "
        "capacity:factor=1.0:drop=position\n"
        "Names mean policies here: they change which experts a token uses, hence the output. Placements, "
        "which do not,\nare measured by `moewire measure`. share_rerouted: choices taken from the router for "
        "the same hidden states;\nshare_changed: choices that differ from the run without a policy.");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "assign", "What routing policies cost in perplexity, and what they even out.", {declare});

}  // namespace
}  // namespace moewire
