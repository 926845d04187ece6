#include "bench/profile_levels.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/statistics.hpp"

namespace moewire {
namespace {

// The figures of an imbalance, by their names in the file.
struct Figure {
    std::string_view key;
    double (*of)(Imbalance const&);
    bool (*above)(AboveNoise const&);
};
constexpr std::string_view entropy_key = "normalised_entropy";  // the only one that falls as loads diverge
constexpr std::array figures{
    Figure{"gini", [](Imbalance const& i) { return i.gini; }, [](AboveNoise const& a) { return a.gini; }},
    Figure{"cv", [](Imbalance const& i) { return i.cv; }, [](AboveNoise const& a) { return a.cv; }},
    Figure{"max_over_mean", [](Imbalance const& i) { return i.max_over_mean; },
           [](AboveNoise const& a) { return a.max_over_mean; }},
    Figure{"max_min_ratio", [](Imbalance const& i) { return i.max_over_min; },
           [](AboveNoise const& a) { return a.max_over_min; }},
    Figure{entropy_key, [](Imbalance const& i) { return i.entropy; },
           [](AboveNoise const& a) { return a.entropy; }},
    Figure{"idle", [](Imbalance const& i) { return static_cast<double>(i.idle); },
           [](AboveNoise const& a) { return a.idle; }}};

Level level_of(std::int64_t tokens, ModelFacts const& facts, std::int32_t groups, std::string idle_key) {
    auto const top_k = static_cast<std::int32_t>(facts.top_k);
    Level level{groups,
                even_capacities(facts.experts, groups),
                std::move(idle_key),
                noise_floor(tokens, facts.experts, top_k, groups),
                simulate_uniform(tokens, facts.experts, top_k, groups),
                {}};
    level.ceiling = noise_ceiling(level.uniform);
    return level;
}

std::string key_of(Figure const& figure, Level const& level) {
    return figure.key == "idle" ? level.idle_key : std::string(figure.key);
}

Json to_json(Imbalance const& imbalance, Level const& level) {
    Json json;
    for (auto const& figure : figures) json[key_of(figure, level)] = figure.of(imbalance);
    json[level.idle_key] = imbalance.idle;
    return json;
}

std::vector<double> values_of(Figure const& figure, std::vector<Imbalance> const& all) {
    std::vector<double> values;
    for (auto const& imbalance : all) values.push_back(figure.of(imbalance));
    return values;
}

}  // namespace

std::vector<Level> levels_of(std::int64_t tokens, ModelFacts const& facts,
                             std::vector<std::int32_t> const& ranks) {
    std::vector<Level> levels{level_of(tokens, facts, facts.experts, "idle_experts")};
    for (auto const count : ranks) levels.push_back(level_of(tokens, facts, count, "idle_ranks"));
    return levels;
}

std::vector<std::int64_t> loads_of(Level const& level, std::span<std::int64_t const> expert_loads) {
    std::vector<std::int64_t> loads;
    for (std::size_t begin = 0; auto const experts : level.experts_of_group) {
        loads.push_back(sum(expert_loads.subspan(begin, static_cast<std::size_t>(experts))));
        begin += static_cast<std::size_t>(experts);
    }
    return loads;
}

void add_noise(Level const& level, Json& json) {
    Json floor;
    for (auto const& figure : figures) floor[key_of(figure, level)] = mean(values_of(figure, level.uniform));
    floor["gini"] = level.floor.gini;
    floor["cv"] = level.floor.cv;
    floor["max_over_mean"] = level.floor.max_over_mean;
    floor["meaning"] = "uniform independent routing of as many tokens";
    json["noise_floor"] = floor;
    json["noise_ceiling"] = to_json(level.ceiling, level);
    json["noise_ceiling"]["meaning"] = fmt::format(
        "99th percentile (entropy: 1st) of {} simulated uniform routings of as many tokens; a "
        "figure beyond it is above noise",
        uniform_draws);
}

Json measured(Level const& level, std::span<std::int64_t const> loads) {
    auto const imbalance = imbalance_of(loads);
    auto const above = above_noise(imbalance, level.ceiling);
    auto json = to_json(imbalance, level);
    for (auto const& figure : figures) json["above_noise"][key_of(figure, level)] = figure.above(above);
    return json;
}

Json over_batches(Level const& level, Grid<std::int64_t, 3> const& counts, std::size_t layer) {
    std::vector<Imbalance> all;
    std::int64_t above = 0;
    for (std::size_t batch = 0; batch < counts.extent(0); ++batch) {
        all.push_back(imbalance_of(loads_of(level, counts.row(batch, layer))));
        above += above_noise(all.back(), level.ceiling).gini ? 1 : 0;
    }
    Json json;
    for (auto const& figure : figures) {
        auto const values = values_of(figure, all);
        auto& summary = json[key_of(figure, level)];
        summary["p50"] = percentile(values, 0.5);
        if (figure.key == entropy_key) {
            summary["p05"] = percentile(values, 0.05);
            summary["min"] = *std::min_element(values.begin(), values.end());
        } else {
            summary["p95"] = percentile(values, 0.95);
            summary["max"] = *std::max_element(values.begin(), values.end());
        }
    }
    json["share_above_noise"] = static_cast<double>(above) / static_cast<double>(all.size());
    json["gini_of_batches"] = values_of(figures[0], all);
    return json;
}

}  // namespace moewire
