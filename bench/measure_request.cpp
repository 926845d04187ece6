#include "bench/measure_request.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {

void declare_measure_options(CLI::App& app, MeasureRequest& r) {
    declare_subject_options(app, r.subject);
    option(app, "dataset", r.dataset,
           "Test text: domain, wikitext, file or folder, or control:NAME; several by comma");
    option(app, "plan_dataset", r.plan_dataset,
           "Texts that plans are made from (their train split), each for every test text; default: the same "
           "dataset's");
    option(app, "strategies", r.strategies,
           "Placements and replications by comma, each name[:key=value]..., or all");
    option(app, "policies", r.policies,
           "Routing policies by comma; each learns from the plan text, then stays frozen");
    option(app, "payload", r.payload, "How tokens are packed, by comma: per_expert, per_rank, padded");
    flag(app, "twin", r.twin, "Measure contiguous twice: what noise alone makes of two equal placements");
    option(app, "mode", r.mode,
           "replay (exchanges alone, stamped payload), in_model (inside the forward pass), or both by comma");
    option(app, "transport", r.transport, "auto, or a name under transport/exchanges of `moewire list`");
    option(app, "cadence", r.cadence,
           "Of mode replay: isolated (a barrier before each exchange) or chained (back to back)");
    option(app, "launch", r.launch, "Of mode replay on a GPU: eager, or graph (recorded once, chained)");
    option(app, "cache", r.cache,
           "Of mode replay on a GPU: warm, or cold (something else fills its cache before each exchange)");
    option(app, "delay", r.delay,
           "RANK:MICROSECONDS: that rank comes so late to each exchange of a replay, to see it found");
    option(app, "topology", r.topology,
           "Described machine for bounds: probe, a name in bench/topologies, or a TOML file");
    option(app, "calibration", r.calibration,
           "Frozen file of `moewire calibrate`: predicts by it too; refused where its keys differ");
    flag(app, "transfer", r.transfer,
         "Carry that file over from other ranks or another machine (evidence: transferred)");
    option(app, "tokens_per_rank", r.tokens_per_rank, "Tokens of each rank in one forward pass");
    option(app, "window", r.window, "Tokens of one sequence");
    option(app, "batches", r.batches,
           "Batches of that many tokens in one iteration; plans that follow the load need several");
    option(app, "random_seeds", r.random_seeds,
           "Seeds of placement random whose times are predicted beside the measured one");
    option(app, "iterations", r.iterations, "Samples of each case");
    option(app, "warmups", r.warmups, "Runs of each case before the first sample");
    option(app, "calibration_iterations", r.calibration_iterations,
           "Samples of each size of the calibration sweep");
    option(app, "seed", r.seed, "Seed of placements and of the order of cases");
    option(app, "bandwidth", r.bandwidth_gbit_per_s, "Bandwidth in the cost model `seed` [Gbit/s]");
    option(app, "latency", r.latency_us, "Latency in the cost model `seed` [us]");
    option(app, "timeout", r.timeout_s, "Longest that an exchange may take, or a rank stand still [s]");
    option(app, "output", r.output, "Trace to write (.h5)");
    flag(app, "overwrite", r.overwrite, "Replace an existing trace");
    flag(app, "resume", r.resume,
         "Go on with an interrupted run of the same options: only missing groups are measured");
}

std::string options_text(MeasureRequest const& request) {
    auto r = request;
    r.output.clear();
    r.overwrite = r.resume = false;
    r.timeout_s = MeasureRequest{}.timeout_s;
    return written_options([&](CLI::App& app) { declare_measure_options(app, r); });
}

ReplayStyle style_of(MeasureRequest const& r, Communicator const& world, MemoryKind memory) {
    auto const one_of = [](std::string const& value, char const* usual, char const* other, char const* name) {
        if (value == usual || value == other) return value == other;
        throw usage_error(fmt::format("--{} is {}; use {} or {}", name, value, usual, other));
    };
    auto const on_gpu = [&](bool asked, char const* what) {
        if (asked && memory == MemoryKind::host)
            throw usage_error(
                fmt::format("--{} needs a GPU (rows lie in host memory here); add --device cuda", what));
        return asked;
    };
    ReplayStyle style;
    bool const graph = on_gpu(one_of(r.launch, "eager", "graph", "launch"), "launch graph");
    bool const chained = one_of(r.cadence, "isolated", "chained", "cadence");
    if (graph && !chained)
        throw usage_error("--launch graph has no barriers between exchanges; add --cadence chained");
    if (chained) style.cadence = Cadence::chained;
    if (on_gpu(one_of(r.cache, "warm", "cold", "cache"), "cache cold")) style.cache = CacheState::cold;
    if (r.delay.empty()) return style;
    int late = 0, used = 0;
    double delay_us = 0;
    bool const parsed = std::sscanf(r.delay.c_str(), "%d:%lf%n", &late, &delay_us, &used) == 2 &&
                        static_cast<std::size_t>(used) == r.delay.size();
    if (!parsed || late < 0 || !(delay_us >= 0 && delay_us <= 1e6))
        throw usage_error(
            fmt::format("--delay {} is not RANK:MICROSECONDS (at most a second); write 1:250", r.delay));
    if (late >= world.size())
        throw usage_error(fmt::format("--delay {} names no rank of this run (there are 0 .. {})", r.delay,
                                      world.size() - 1));
    if (static_cast<std::size_t>(late) == index_of(world.rank())) style.delay_s = delay_us * 1e-6;
    return style;
}

void check(MeasureRequest const& r) {
    auto const within = [](auto value, auto least, auto most, char const* name) {
        if (value >= least && value <= most) return;
        throw usage_error(
            fmt::format("--{} is {} (must lie in {} .. {}); give another value", name, value, least, most));
    };
    within(r.tokens_per_rank, std::int64_t{1}, std::int64_t{1} << 24, "tokens_per_rank");
    within(r.window, std::int64_t{1}, std::int64_t{1} << 20, "window");
    within(r.batches, std::int64_t{1}, std::int64_t{10000}, "batches");
    within(r.random_seeds, std::int64_t{1}, std::int64_t{100000}, "random_seeds");
    within(r.iterations, std::int64_t{1}, std::int64_t{1000000}, "iterations");
    within(r.warmups, std::int64_t{0}, std::int64_t{100000}, "warmups");
    within(r.calibration_iterations, std::int64_t{1}, std::int64_t{100000}, "calibration_iterations");
    within(r.timeout_s, 0.1, 86400.0, "timeout");
    within(r.bandwidth_gbit_per_s, 1e-9, 1e9, "bandwidth");
    within(r.latency_us, 0.0, 1e9, "latency");
    if (r.tokens_per_rank > r.window && r.tokens_per_rank % r.window != 0) {
        throw usage_error(fmt::format(
            "--tokens_per_rank {} is no multiple of --window {} (sequences have one length); use {}",
            r.tokens_per_rank, r.window, (r.tokens_per_rank / r.window + 1) * r.window));
    }
    if (r.transfer && r.calibration.empty())
        throw usage_error("--transfer carries a calibration over (none was named); give --calibration FILE");
    auto const modes = split_list(r.mode, "--mode");
    if (!r.delay.empty() && std::find(modes.begin(), modes.end(), "replay") == modes.end())
        throw usage_error(fmt::format(
            "--delay makes exchanges of a replay late (--mode {} has none); add --mode replay", r.mode));
    if (r.resume && r.overwrite)
        throw usage_error("--resume keeps what --overwrite drops (both cannot be); give one");
    if (!r.output.ends_with(".h5"))
        throw usage_error(fmt::format("--output {} does not end in .h5; name it so", r.output));
}

}  // namespace moewire
