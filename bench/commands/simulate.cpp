// moewire simulate: the seed study's network simulation, with its flags and files.
#include <algorithm>

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/show.hpp"
#include "bench/command.hpp"
#include "bench/places.hpp"
#include "bench/seed_files.hpp"

namespace moewire {
namespace {

int run(Context const& context, SeedRequest const& request) {
    if (!context.world.is_root()) return 0;
    auto const results = run_seed_study(request);
    print(context,
          to_table(results) +
              fmt::format("wrote {}\n",
                          (std::filesystem::path(request.output_dir) / "simulation_results.json").string()));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const r = std::make_shared<SeedRequest>();
    option(app, "num_tokens", r->study.num_tokens, "Tokens of one batch, over all GPUs");
    option(app, "num_experts", r->study.num_experts, "Experts, in contiguous blocks over GPUs");
    option(app, "num_gpus", r->study.num_gpus, "GPUs");
    option(app, "bandwidth", r->bandwidth_gbit_per_s, "Bandwidth of a GPU's port [Gbit/s]");
    option(app, "latency", r->latency_us, "Latency of an exchange [us]");
    option(app, "imbalance_levels", r->imbalance_levels, "Gini coefficients of expert popularity");
    option(app, "top_k", r->study.top_k, "Experts a token chooses");
    option(app, "hidden_size", r->study.hidden_size, "Elements of a token's row");
    option(app, "element_bytes", r->study.element_bytes, "Bytes of an element");
    option(app, "seeds", r->study.seeds, "Sampled routings for P50 and P99");
    option(app, "seed", r->study.seed, "First seed");
    option(app, "output_dir", r->output_dir, "Folder for simulation_results.json and plots/");
    flag(app, "no_plots", r->no_plots, "Draw no figures");
    footer(
        app,
        "A GPU's time = latency + max(sent, received) / bandwidth, for the dispatch and again for the "
        "combine; the slowest\n"
        "GPU counts (overall_max_time, seconds). Bytes = tokens x top_k x hidden x element, those of a GPU's "
        "own experts\n"
        "cross no network. Popularity falls as a power law with exactly the asked Gini; the hottest experts "
        "share a GPU.\n"
        "p50_max_time and p99_max_time: over routings sampled from that popularity.");
    return [r](Context const& context) { return run(context, *r); };
}

bool const registered =
    register_in<Command>("simulate", "The seed study's flat network under growing imbalance.", {declare});

}  // namespace
}  // namespace moewire
