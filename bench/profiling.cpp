#include "bench/profiling.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/progress.hpp"
#include "base/show.hpp"
#include "bench/places.hpp"
#include "measure/gather.hpp"
#include "model/scoring.hpp"
#include "routing/imbalance.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

Json to_json(Imbalance const& i) {
    return {{"gini", i.gini},
            {"cv", i.cv},
            {"max_over_mean", i.max_over_mean},
            {"max_min_ratio", i.max_over_min},
            {"normalised_entropy", i.entropy},
            {"idle_experts", i.idle}};
}

Json statistics(Demand const& demand, std::int64_t tokens, std::int32_t top_k) {
    Json json;
    auto const floor = noise_floor(tokens, demand.experts(), top_k, demand.experts());
    json["tokens"] = tokens;
    json["top_k"] = top_k;
    json["num_experts"] = demand.experts();
    json["num_layers"] = demand.layers();
    json["noise_floor"] = {{"gini", floor.gini},
                           {"cv", floor.cv},
                           {"max_over_mean", floor.max_over_mean},
                           {"meaning", "uniform independent routing of as many tokens"}};
    double sum = 0, most = 0;
    for (LayerId const layer : ids<LayerId>(demand.layers())) {
        auto const load = demand.expert_load(layer);
        auto const imbalance = imbalance_of(load);
        sum += imbalance.gini;
        most = std::max(most, imbalance.gini);
        auto entry = to_json(imbalance);
        entry["expert_counts"] = load;
        json["layers"][fmt::format("layer_{}", index_of(layer))] = entry;
    }
    json["average_gini"] = sum / static_cast<double>(demand.layers());
    json["maximum_gini"] = most;
    return json;
}

std::string band(double gini) {
    return gini < 0.1 ? "well balanced" : gini <= 0.3 ? "moderate imbalance" : "significant imbalance";
}

std::string report_text(Json const& json) {
    Table table({"layer", "Gini", "CV", "max/mean", "max/min", "entropy", "idle", "verdict"});
    for (auto const& [name, layer] : json["layers"].items()) {
        auto const number = [&](char const* key) { return fmt::format("{:.4f}", layer[key].get<double>()); };
        table.add({name, number("gini"), number("cv"), number("max_over_mean"), number("max_min_ratio"),
                   number("normalised_entropy"), std::to_string(layer["idle_experts"].get<int>()),
                   band(layer["gini"])});
    }
    auto const& floor = json["noise_floor"];
    return fmt::format(
        "Expert assignment of {} on {} ({} split)\n{} tokens, top {} of {} experts, {} layers\n\n"
        "Average Gini coefficient: {:.4f}\nMaximum Gini coefficient: {:.4f}\n"
        "Noise floor (uniform routing, as many tokens): Gini {:.4f}, CV {:.4f}, max/mean {:.4f}\n\n{}\n"
        "Gini below 0.1: well balanced; 0.1 to 0.3: moderate; above 0.3: significant.\n"
        "max/min is (max + 1) / (min + 1).\n",
        json["model"].get<std::string>(), json["dataset"].get<std::string>(),
        json["split"].get<std::string>(), json["tokens"].get<std::int64_t>(), json["top_k"].get<int>(),
        json["num_experts"].get<int>(), json["num_layers"].get<int>(), json["average_gini"].get<double>(),
        json["maximum_gini"].get<double>(), floor["gini"].get<double>(), floor["cv"].get<double>(),
        floor["max_over_mean"].get<double>(), table.text(TableStyle::plain));
}

}  // namespace

Json profile(Context const& context, Subject& subject, PlainParallel const& parallel,
             std::string const& dataset, Split split, ProfileRequest const& request) {
    auto const& world = context.world;
    Windows windows;
    std::string origin;
    std::filesystem::path const folder = request.output_dir;
    run_on_all(world, [&] {
        auto const text = tokenise(subject, dataset, split);
        windows = disjoint_windows(text.tokens, request.max_length, request.max_samples);
        origin = text.text.dataset;
        if (world.is_root()) ensure_writable_folder(folder);
    });
    auto const mine = share_of(windows.tokens, world.rank(), world.size());
    Progress progress("profile " + origin, static_cast<std::int64_t>(mine.extent(0)), "windows",
                      progress_style(world.is_root()));
    auto const score = score_windows(*subject.model, mine, 0, parallel.view(),
                                     [&](std::int64_t done) { progress.advance(done); });
    auto const demand = gather_demand(world, score.routing);
    Json json;
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        json["model"] = subject.facts().name;
        json["dataset"] = origin;
        json["split"] = std::string(name_of(split));
        json["windows"] = windows.windows();
        json["window_tokens"] = request.max_length;
        json.update(statistics(demand, static_cast<std::int64_t>(windows.tokens.size()),
                               static_cast<std::int32_t>(subject.facts().top_k)));
        write_file(folder / "expert_assignment_stats.json", to_text(json));
        write_file(folder / "profiling_report.txt", report_text(json));
        if (!request.no_plots) draw("profile", folder / "expert_assignment_stats.json", folder / "plots");
    });
    return json;
}

}  // namespace moewire
