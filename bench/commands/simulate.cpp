// moewire simulate: the seed study's network simulation, with its flags and files.
#include <algorithm>

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/show.hpp"
#include "bench/command.hpp"
#include "bench/places.hpp"
#include "bench/seed_files.hpp"
#include "bench/what_if.hpp"

namespace moewire {
namespace {

struct Options {
    SeedRequest seed;
    WhatIfRequest what_if;
};

// The seed's flags mean the same in both.
WhatIfRequest what_if_of(Options const& o) {
    auto request = o.what_if;
    request.study = o.seed.study;
    request.study.network = {o.seed.bandwidth_gbit_per_s * 1e9 / 8, o.seed.latency_us * 1e-6};
    request.imbalance_levels = o.seed.imbalance_levels;
    request.output_dir = o.seed.output_dir;
    request.no_plots = o.seed.no_plots;
    return request;
}

int run(Context const& context, Options const& o) {
    if (!context.world.is_root()) return 0;
    auto const& request = o.seed;
    if (auto const what_if = what_if_of(o); is_what_if(what_if)) {
        print(context, report_what_if(what_if, run_what_if(what_if)));
        return 0;
    }
    // Before anything is written.
    check_what_if(what_if_of(o));
    auto const results = run_seed_study(request);
    std::string findings;
    for (auto const& finding : seed_findings(what_if_of(o), results)) findings += "* " + finding + "\n";
    print(context,
          to_table(results) + findings +
              fmt::format("wrote {}\n",
                          (std::filesystem::path(request.output_dir) / "simulation_results.json").string()));
    return 0;
}

void declare_what_if(CLI::App& app, WhatIfRequest& w) {
    option(
        app, "topology", w.topology,
        "Described machine: a name in bench/topologies, TOML, NCCL's topology or log, ASTRA-sim's network");
    option(app, "ranks", w.ranks, "Counts of ranks to sweep; default: as the machine is described");
    option(app, "bandwidths", w.bandwidths,
           "Bandwidths to sweep: of each card, or of each port where there is none [Gbit/s]");
    option(app, "calibration", w.calibration,
           "Frozen file of `moewire calibrate`, wherever it was taken: the cost model `calibrated` predicts "
           "by its "
           "numbers on the machine asked for (evidence: transferred)");
    option(app, "strategies", w.strategies, "Placements and replications by comma, each name[:key=value]...");
    option(app, "cost_model", w.cost_models,
           "Cost models by comma (see `moewire list`), and sums: the bound without a matrix; default: bound, "
           "above "
           "2048 ranks sums");
    option(app, "nccl_version", w.nccl_version,
           "NCCL whose rules closed_form, flow and chunk follow: 2.22.0 to 2.30.99");
    option(app, "control", w.control, "Impose this control instead of the imbalance levels");
    option(app, "trace", w.trace,
           "Take the traffic of a measured trace (.h5) elsewhere; with --ranks or --strategies planned anew");
    option(app, "matrix", w.matrix, "Take one exchange from a matrix file of nccl-tests");
    option(app, "kineto", w.kineto, "Take the exchanges from PyTorch profiles, one file a rank");
    option(
        app, "import", w.imports,
        "Take one exchange from files of another simulator: .goal, .cm, .matrix.txt, or .et of every rank");
    option(app, "export", w.export_format,
           "Write the exchanges for another simulator, too, and read them back: see `moewire list`");
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    auto* const r = &o->seed;
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
    declare_what_if(app, o->what_if);
    footer(
        app,
        "A GPU's time = latency + max(sent, received) / bandwidth, for the dispatch and again for the "
        "combine; the slowest\n"
        "GPU counts (overall_max_time, seconds). Bytes = tokens x top_k x hidden x element, those of a GPU's "
        "own experts\n"
        "cross no network. Popularity falls as a power law with exactly the asked Gini; the hottest experts "
        "share a GPU.\n"
        "p50_max_time and p99_max_time: over routings sampled from that popularity.\n\n"
        "With --topology, --ranks, --bandwidths, --strategies, --cost-model, --calibration, --control, "
        "--trace, --matrix, "
        "--kineto, --import or --export\n"
        "the same is asked of any machine, e.g.\n"
        "  moewire simulate --topology dgx_h100_4_nodes --num_experts 64 --strategies contiguous,eplb_pack\n"
        "  moewire simulate --topology dgx_h100_32_nodes_4to1 --num_experts 256 --cost_model "
        "closed_form,flow\n"
        "  moewire simulate --topology nvl72 --trace run.h5 --strategies contiguous,eplb_pack --ranks 8 72\n"
        "  moewire simulate --topology flat_100g --matrix bytes.txt --export goal\n"
        "  moewire simulate --topology hgx_h100 --ranks 4 8 --calibration two_gpus.toml\n"
        "  moewire simulate --topology dgx_h100_1024_nodes --ranks 8192 100000 --num_tokens 100000000");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "simulate", "What exchanges take elsewhere: the seed study's network, any machine, any traffic.",
    {declare});

}  // namespace
}  // namespace moewire
