// moewire profile: how a model's tokens spread over experts; the seed study's first experiment.
#include <fmt/format.h>

#include "bench/evaluation.hpp"
#include "bench/profiling.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

struct Options {
    SubjectRequest subject;
    std::string dataset = "drama", split = "test";
    ProfileRequest request;
};

std::string summary_of(Json const& json) {
    return fmt::format(
        "Average Gini coefficient: {:.4f}\nMaximum Gini coefficient: {:.4f}\nNoise floor: "
        "{:.4f}\n",
        json["average_gini"].get<double>(), json["maximum_gini"].get<double>(),
        json["noise_floor"]["gini"].get<double>());
}

int run(Context const& context, Options const& o) {
    Split split{};
    run_on_all(context.world, [&] {
        split = split_of(o.split);
        check(o.request);
    });
    auto subject = load_subject(context.world, o.subject, WithTokenizer::yes);
    PlainParallel const parallel(context.world, subject);
    auto const json = profile(context, subject, parallel, o.dataset, split, o.request);
    if (!context.world.is_root()) return 0;
    if (json.contains("domains")) {
        for (auto const& [name, domain] : json["domains"].items()) {
            print(context, name + "\n" + summary_of(domain));
        }
    } else {
        print(context, summary_of(json));
    }
    print(context, fmt::format("wrote {}\n", o.request.output_dir));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    declare_subject_options(app, o->subject);
    option(app, "dataset", o->dataset, "Domain names, wikitext, UTF-8 files or folders, by comma");
    option(app, "split", o->split, "train, valid or test");
    option(app, "max_samples", o->request.max_samples, "Windows to route");
    option(app, "max_length", o->request.max_length, "Tokens of a window");
    option(app, "output_dir", o->request.output_dir,
           "Folder for expert_assignment_stats.json, profiling_report.txt, plots/");
    option(app, "ranks_at", o->request.ranks_at, "Rank counts at which rank loads are compared, by comma");
    option(app, "batch_windows", o->request.batch_windows,
           "Windows of one batch, for the figures over batches");
    flag(app, "no_plots", o->request.no_plots, "Draw no figures");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "profile", "How a model's tokens spread over experts: Gini, CV, max/min by layer.", {declare});

}  // namespace
}  // namespace moewire
