// moewire calibrate: measure probes, fit, and freeze what the simulator may say of this machine.
#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/show.hpp"
#include "bench/calibrating.hpp"
#include "simulate/accuracy.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

void check(CalibrateRequest const& r) {
    if (r.iterations < 5 || r.iterations > 100000)
        throw usage_error(fmt::format("--iterations {} (5 .. 100000); a median needs a few", r.iterations));
    if (r.row_bytes < 1 || r.row_bytes > (1 << 20))
        throw usage_error(fmt::format("--row_bytes {} (1 .. 1048576); give another value", r.row_bytes));
    if (r.parts < 0 || r.parts > 100)
        throw usage_error(fmt::format("--parts {} (0 .. 100); give another value", r.parts));
    if (!(r.timeout_s >= 0.1 && r.timeout_s <= 86400))
        throw usage_error(fmt::format("--timeout {} (0.1 .. 86400 s); give another value", r.timeout_s));
    if (!r.output.ends_with(".toml"))
        throw usage_error(fmt::format("--output {} does not end in .toml; name it so", r.output));
}

std::string table_of(FrozenCalibration const& frozen) {
    Table table(
        {"regime", "busiest port", "probes", "MAPE of the fit", "worst", "90 % interval", "p99 beyond p50"});
    for (auto const& [regime, bands] : frozen.model.trust) {
        double above = -1;
        auto spread = Spread::any;
        for (auto const& trust : bands) {
            if (trust.spread != spread) above = -1;
            spread = trust.spread;
            std::vector<Scored> pairs;
            for (auto const& p : frozen.grid) {
                bool const is_spread = spread == Spread::any || p.spread == spread;
                if (p.regime == regime && is_spread && p.busiest_bytes > above &&
                    p.busiest_bytes <= trust.most_bytes)
                    pairs.push_back({p.fitted_s, p.fitted_s, p.fitted_s, p.p50_s});
            }
            above = trust.most_bytes;
            auto const fit = accuracy_of(pairs);
            table.add({std::string(name_of(regime)), std::string(name_of(spread)),
                       fmt::format("to {}", show_bytes(trust.most_bytes)), std::to_string(trust.probes),
                       show_percent(fit.mape), show_percent(fit.max_error),
                       fmt::format("x or / {:.3f}", std::exp(trust.log_radius_90)),
                       trust.tail_s > 0 ? show_seconds(trust.tail_s) : show_percent(trust.tail_ratio)});
        }
    }
    std::string text = table.text(TableStyle::plain);
    text += fmt::format("floor {}, eager message {}, rendezvous {}\n", show_seconds(frozen.model.floor_s),
                        show_seconds(frozen.model.eager_message_s),
                        show_seconds(frozen.model.rendezvous_message_s));
    for (auto const& [name, rate] : frozen.model.rate_bytes_per_s)
        text += fmt::format("  {:<16} {}\n", name, show_rate(rate));
    return text;
}

int run(Context const& context, CalibrateRequest const& r) {
    run_on_all(context.world, [&] { check(r); });
    auto const frozen = calibrate_here(context, r);
    if (!context.world.is_root()) return 0;
    print(context, table_of(frozen) + fmt::format("frozen {} ({}), samples {}.samples.json\n", r.output,
                                                  digest_of(frozen), r.output));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const r = std::make_shared<CalibrateRequest>();
    option(app, "transport", r->transport, "auto, or a name under transport/exchanges of `moewire list`");
    option(app, "device", r->device, "Where rows lie: cpu, or cuda (one GPU a rank of a host)");
    option(app, "launch", r->launch,
           "On a GPU: eager (for --cadence isolated), or graph (recorded, for --launch graph)");
    flag(app, "share_gpu", r->share_gpu,
         "Several ranks may use one GPU: functions can be tried so, never speed");
    option(app, "topology", r->topology, "Described machine: probe, a name in bench/topologies, or a file");
    option(app, "least_bytes", r->least_bytes, "Shortest message; K, M and G are powers of 1024");
    option(app, "most_bytes", r->most_bytes, "Longest message; auto: 64M between GPUs, else 1M");
    option(app, "row_bytes", r->row_bytes, "Messages are whole rows of so many bytes");
    option(app, "iterations", r->iterations, "Samples of each probe, in each series of --parts");
    option(
        app, "parts", r->parts,
        "Series of such samples, one after another, for what changes with time; 0: 4 between GPUs, else 1");
    option(app, "seed", r->seed, "Seed of the order of probes");
    option(app, "timeout", r->timeout_s, "Longest that an exchange may take, or a rank stand still [s]");
    option(app, "output", r->output, "The frozen file (.toml); samples go to FILE.samples.json");
    footer(app,
           "Every pattern (nothing, own bytes, pairs, one to k, k to one, uniform, permutations, "
           "drawn, popular)\nin sizes on both sides of MPI's limits, interleaved. Then: moewire measure "
           "--calibration FILE\n"
           "Example: mpirun -n 4 moewire calibrate --output machine.toml");
    return [r](Context const& context) { return run(context, *r); };
}

bool const registered = register_in<Command>(
    "calibrate", "Measure probes, fit the simulator to this machine, freeze the result in a file.",
    {declare});

}  // namespace
}  // namespace moewire
