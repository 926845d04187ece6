#include "bench/seed_files.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/show.hpp"
#include "bench/places.hpp"

namespace moewire {
namespace {

Json to_json(SeedLevel const& level) {
    return {{"overall_max_time", level.overall_max_time_s},
            {"mean_time", level.mean_time_s},
            {"p50_max_time", level.p50_s},
            {"p99_max_time", level.p99_s},
            {"imbalance_gini", level.imbalance},
            {"expert_popularity", level.popularity},
            {"per_gpu_sent_bytes", level.sent_bytes},
            {"per_gpu_received_bytes", level.received_bytes},
            {"per_gpu_time", level.gpu_time_s},
            {"sampled_max_time", level.sampled_max_time_s}};
}

Json configuration(SeedRequest const& request) {
    auto const& s = request.study;
    return {{"num_tokens", s.num_tokens},
            {"num_experts", s.num_experts},
            {"num_gpus", s.num_gpus},
            {"bandwidth_gbit_per_s", request.bandwidth_gbit_per_s},
            {"latency_us", request.latency_us},
            {"top_k", s.top_k},
            {"hidden_size", s.hidden_size},
            {"element_bytes", s.element_bytes},
            {"seeds", s.seeds},
            {"seed", s.seed},
            {"units", "times in s, bytes in one direction (dispatch)"}};
}

}  // namespace

std::vector<SeedLevel> run_seed_study(SeedRequest const& request) {
    if (request.imbalance_levels.empty()) throw usage_error("--imbalance_levels is empty; name at least one");
    auto study = request.study;
    study.network = {request.bandwidth_gbit_per_s * 1e9 / 8, request.latency_us * 1e-6};
    std::vector<SeedLevel> levels;
    Json json;
    for (double const imbalance : request.imbalance_levels) {
        auto const key = fmt::format("imbalance_{:.2f}", imbalance);
        if (json.contains(key)) {
            throw usage_error(fmt::format(
                "two imbalance levels share the key {} (one would be lost); keep them 0.01 apart", key));
        }
        levels.push_back(run_seed_level(study, imbalance));
        json[key] = to_json(levels.back());
    }
    json["configuration"] = configuration(request);
    ensure_writable_folder(request.output_dir);
    auto const file = std::filesystem::path(request.output_dir) / "simulation_results.json";
    write_file(file, to_text(json));
    if (!request.no_plots) draw("simulation", file, std::filesystem::path(request.output_dir) / "plots");
    return levels;
}

std::string to_table(std::vector<SeedLevel> const& levels) {
    Table table(
        {"imbalance (Gini)", "overall max time", "against the first", "P50", "P99", "mean over GPUs"});
    for (auto const& level : levels) {
        table.add({fmt::format("{:.2f}", level.imbalance), show_seconds(level.overall_max_time_s),
                   fmt::format("{:+.1f} %",
                               100 * (level.overall_max_time_s / levels.front().overall_max_time_s - 1)),
                   show_seconds(level.p50_s), show_seconds(level.p99_s), show_seconds(level.mean_time_s)});
    }
    return table.text(TableStyle::plain);
}

}  // namespace moewire
