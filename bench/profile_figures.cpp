#include "bench/profile_figures.hpp"

#include <fmt/format.h>

#include "base/statistics.hpp"
#include "bench/profile_levels.hpp"
#include "routing/co_activation.hpp"
#include "routing/margin.hpp"

namespace moewire {
namespace {

constexpr std::size_t pairs_kept = 5;

Json matrix_of(Grid<std::int64_t, 3> const& pairs, std::size_t layer) {
    Json rows = Json::array();
    for (std::size_t expert = 0; expert < pairs.extent(1); ++expert) {
        auto const row = pairs.row(layer, expert);
        rows.push_back(std::vector<std::int64_t>(row.begin(), row.end()));
    }
    return rows;
}

Json strongest_of(RoutedText const& routed, std::size_t layer, std::int32_t top_k) {
    auto const row = routed.pairs.row(layer);
    Grid<std::int64_t, 2> const pairs({routed.pairs.extent(1), routed.pairs.extent(2)},
                                      {row.begin(), row.end()});
    Json list = Json::array();
    for (auto const& pair : strongest_pairs(pairs, routed.counts.row(layer), top_k, pairs_kept)) {
        list.push_back({{"experts", {index_of(pair.first), index_of(pair.second)}},
                        {"tokens", pair.tokens},
                        {"expected_tokens", pair.expected_tokens},
                        {"lift", pair.lift}});
    }
    return list;
}

Json to_json(MarginSummary const& summary) {
    return {{"histogram", summary.histogram},
            {"median", summary.median},
            {"share_below_0.01", summary.share_narrow}};
}

// The noise of a list of levels: the experts' own, and the ranks' below "rank_level".
void add_noise(std::vector<Level> const& levels, Json& json) {
    add_noise(levels.front(), json);
    json["rank_level"] = Json::object();
    for (std::size_t i = 1; i < levels.size(); ++i) {
        add_noise(levels[i], json["rank_level"][std::to_string(levels[i].groups)]);
    }
}

Json layer_figures(RoutedText const& routed, std::size_t layer, std::int32_t top_k,
                   std::vector<Level> const& levels, std::vector<Level> const& batch_levels) {
    auto const counts = routed.counts.row(layer);
    auto json = measured(levels.front(), counts);
    json["expert_counts"] = std::vector<std::int64_t>(counts.begin(), counts.end());
    json["ranks"] = Json::object();
    json["batches"] = over_batches(batch_levels.front(), routed.batch_counts, layer);
    json["batches"]["ranks"] = Json::object();
    for (std::size_t i = 1; i < levels.size(); ++i) {
        auto const key = std::to_string(levels[i].groups);
        auto const loads = loads_of(levels[i], counts);
        json["ranks"][key] = measured(levels[i], loads);
        json["ranks"][key]["tokens_per_rank"] = loads;
        json["batches"]["ranks"][key] = over_batches(batch_levels[i], routed.batch_counts, layer);
    }
    json["co_activation"] = matrix_of(routed.pairs, layer);
    json["strongest_pairs"] = strongest_of(routed, layer, top_k);
    json["router_margin"] = to_json(summarise_margins(routed.margins[layer]));
    return json;
}

}  // namespace

Json profile_figures(RoutedText const& routed, ModelFacts const& facts,
                     std::vector<std::int32_t> const& ranks) {
    auto const levels = levels_of(routed.tokens, facts, ranks);
    auto const batch_levels = levels_of(routed.batch_tokens, facts, ranks);
    Json json;
    json["tokens"] = routed.tokens;
    json["top_k"] = facts.top_k;
    json["num_experts"] = facts.experts;
    json["num_layers"] = facts.layers;
    add_noise(levels, json);
    json["batches"] = {{"batch_tokens", routed.batch_tokens}, {"count", routed.batch_counts.extent(0)}};
    add_noise(batch_levels, json["batches"]);
    std::vector<double> gini;
    for (std::size_t layer = 0; layer < routed.counts.extent(0); ++layer) {
        auto& of_layer = json["layers"][fmt::format("layer_{}", layer)];
        of_layer = layer_figures(routed, layer, static_cast<std::int32_t>(facts.top_k), levels, batch_levels);
        gini.push_back(of_layer["gini"]);
    }
    json["average_gini"] = mean(gini);
    json["maximum_gini"] = percentile(gini, 1);
    return json;
}

}  // namespace moewire
