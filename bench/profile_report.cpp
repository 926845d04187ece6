#include "bench/profile_report.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/show.hpp"

namespace moewire {
namespace {

constexpr std::size_t pairs_shown = 3;                // of each layer
constexpr std::int64_t floor_holds_from_tokens = 64;  // see noise_floor

std::string band(double gini) {
    return gini < 0.1 ? "well balanced" : gini <= 0.3 ? "moderate imbalance" : "significant imbalance";
}

std::string number(Json const& value) {
    return fmt::format("{:.4f}", value.get<double>());
}

std::string caution(std::int64_t tokens) {
    return tokens >= floor_holds_from_tokens
               ? ""
               : fmt::format("The noise floor's formulas hold from {} tokens on: go by the ceiling here.\n",
                             floor_holds_from_tokens);
}

// The cells of one row of figures; a star marks what is above noise.
std::vector<std::string> figure_cells(std::string const& name, Json const& figures,
                                      std::string const& idle_key) {
    std::vector<std::string> cells{name};
    auto const star = [&](std::string const& key) {
        return figures.contains("above_noise") && figures["above_noise"][key].get<bool>() ? "*" : "";
    };
    for (auto const* key : {"gini", "cv", "max_over_mean", "max_min_ratio", "normalised_entropy"}) {
        cells.push_back(number(figures[key]) + star(key));
    }
    cells.push_back(fmt::format("{:.4g}{}", figures[idle_key].get<double>(), star(idle_key)));
    return cells;
}

// Layers below each other, then what uniform routing shows. `of`: a layer's figures at this level.
std::string figure_table(Json const& json, Json const& noise, std::string const& idle_key,
                         std::function<Json const&(Json const&)> const& of) {
    Table table({"layer", "Gini", "CV", "max/mean", "max/min", "entropy", "idle", "verdict"});
    auto const add = [&](std::string const& name, Json const& figures, std::string const& verdict) {
        auto cells = figure_cells(name, figures, idle_key);
        cells.push_back(verdict);
        table.add(cells);
    };
    for (auto const& [name, layer] : json["layers"].items()) {
        auto const& figures = of(layer);
        bool const above = figures["above_noise"]["gini"];
        add(name, figures, band(figures["gini"]) + (above ? "" : ", not above noise"));
    }
    add("uniform: mean", noise["noise_floor"], "noise floor");
    add("uniform: 99 %", noise["noise_ceiling"], "noise ceiling");
    return table.text(TableStyle::plain);
}

std::string head(Json const& json) {
    auto const& floor = json["noise_floor"];
    return fmt::format(
               "Expert assignment of {} on {} ({} split)\n{} tokens, top {} of {} experts, {} layers\n\n"
               "Average Gini coefficient: {:.4f}\nMaximum Gini coefficient: {:.4f}\n"
               "Noise floor (uniform routing, as many tokens): Gini {:.4f}, CV {:.4f}, max/mean {:.4f}\n"
               "Noise ceiling (99th percentile of the same): Gini {:.4f}\n",
               json["model"].get<std::string>(), json["dataset"].get<std::string>(),
               json["split"].get<std::string>(), json["tokens"].get<std::int64_t>(), json["top_k"].get<int>(),
               json["num_experts"].get<int>(), json["num_layers"].get<int>(),
               json["average_gini"].get<double>(), json["maximum_gini"].get<double>(),
               floor["gini"].get<double>(), floor["cv"].get<double>(), floor["max_over_mean"].get<double>(),
               json["noise_ceiling"]["gini"].get<double>()) +
           caution(json["tokens"]);
}

std::string expert_section(Json const& json) {
    auto const own = [](Json const& layer) -> Json const& { return layer; };
    return fmt::format("\nExperts\n{}\n", figure_table(json, json, "idle_experts", own)) +
           "Gini below 0.1: well balanced; 0.1 to 0.3: moderate; above 0.3: significant.\n"
           "max/min is (max + 1) / (min + 1). *: above noise, that is beyond the 99th percentile (entropy: "
           "below the 1st) of\nsimulated uniform routing of as many tokens.\n";
}

std::string rank_section(Json const& json) {
    std::string text;
    for (auto const& [ranks, noise] : json["rank_level"].items()) {
        auto const of = [&, key = ranks](Json const& layer) -> Json const& { return layer["ranks"][key]; };
        text += fmt::format(
            "\n{} ranks, blocks of consecutive experts: tokens received (one for each chosen expert)\n{}",
            ranks, figure_table(json, noise, "idle_ranks", of));
    }
    if (auto const& out = json["ranks_left_out"]; !out.empty()) {
        text += fmt::format("\nLeft out: {} ranks (there are only {} experts, a rank would hold none).\n",
                            fmt::join(out.get<std::vector<int>>(), ", "), json["num_experts"].get<int>());
    }
    return text;
}

void add_batch_row(std::string const& layer, std::string const& level, Json const& of, Json const& noise,
                   Table& table) {
    std::vector<std::string> cells{layer, level};
    for (auto const* key : {"gini", "cv", "max_over_mean"}) {
        auto const& f = of[key];
        cells.push_back(fmt::format("{} {} {}", number(f["p50"]), number(f["p95"]), number(f["max"])));
        cells.push_back(number(noise["noise_floor"][key]));
    }
    cells.push_back(show_percent(of["share_above_noise"]));
    table.add(cells);
}

std::string batch_section(Json const& json) {
    Table table({"layer", "level", "Gini p50 p95 max", "floor", "CV p50 p95 max", "floor",
                 "max/mean p50 p95 max", "floor", "Gini above noise"});
    auto const& batches = json["batches"];
    for (auto const& [name, layer] : json["layers"].items()) {
        add_batch_row(name, "experts", layer["batches"], batches, table);
        for (auto const& [ranks, of_ranks] : layer["batches"]["ranks"].items()) {
            add_batch_row(name, ranks + " ranks", of_ranks, batches["rank_level"][ranks], table);
        }
    }
    return fmt::format(
        "\nOver {} batches of {} tokens\n{}Of uniform routing, 1 % of the batches are above "
        "noise.\n",
        batches["count"].get<std::int64_t>(), batches["batch_tokens"].get<std::int64_t>(),
        table.text(TableStyle::plain));
}

std::string pair_section(Json const& json) {
    Table table({"layer", "experts", "tokens", "expected", "lift"});
    for (auto const& [name, layer] : json["layers"].items()) {
        auto const& pairs = layer["strongest_pairs"];
        for (std::size_t i = 0; i < std::min(pairs.size(), pairs_shown); ++i) {
            auto const& pair = pairs[i];
            table.add({name,
                       fmt::format("{} + {}", pair["experts"][0].get<int>(), pair["experts"][1].get<int>()),
                       std::to_string(pair["tokens"].get<std::int64_t>()),
                       fmt::format("{:.1f}", pair["expected_tokens"].get<double>()),
                       fmt::format("{:.2f}", pair["lift"].get<double>())});
        }
    }
    if (table.empty()) return "\nNo two experts are chosen together (a token chooses one).\n";
    return fmt::format(
        "\nExperts chosen together: the pairs that stand out most\n{}expected: of tokens that "
        "choose different experts with these loads, otherwise at random.\n",
        table.text(TableStyle::plain));
}

std::string margin_section(Json const& json) {
    Table table({"layer", "median", "tokens below 0.01"});
    for (auto const& [name, layer] : json["layers"].items()) {
        auto const& margin = layer["router_margin"];
        table.add({name, number(margin["median"]), show_percent(margin["share_below_0.01"])});
    }
    return fmt::format("\nRouter margin: score of the last chosen expert minus the best not chosen\n{}",
                       table.text(TableStyle::plain));
}

// Over the layers of one domain. `of`: the figure of one layer.
template <class Figure>
double average_over_layers(Json const& domain, Figure const& of) {
    double total = 0;
    for (auto const& [name, layer] : domain["layers"].items()) total += of(layer).template get<double>();
    return total / static_cast<double>(domain["layers"].size());
}

}  // namespace

std::string profile_report(Json const& json) {
    return head(json) + expert_section(json) + rank_section(json) + batch_section(json) + pair_section(json) +
           margin_section(json);
}

std::string compare_domains(Json const& domains) {
    std::vector<std::string> header{"average over layers"};
    for (auto const& [name, domain] : domains.items()) header.push_back(name);
    Table table(header);
    auto const add = [&](std::string const& title, auto const& cell) {
        std::vector<std::string> row{title};
        for (auto const& [name, domain] : domains.items()) row.push_back(cell(domain));
        table.add(row);
    };
    auto const add_average = [&](std::string const& title, auto const& of) {
        add(title, [&](Json const& d) { return fmt::format("{:.4f}", average_over_layers(d, of)); });
    };
    add("tokens", [](Json const& d) { return std::to_string(d["tokens"].get<std::int64_t>()); });
    add_average("Gini", [](Json const& layer) { return layer["gini"]; });
    add("Gini, noise floor", [](Json const& d) { return number(d["noise_floor"]["gini"]); });
    add("Gini, noise ceiling", [](Json const& d) { return number(d["noise_ceiling"]["gini"]); });
    add("Gini, highest layer", [](Json const& d) { return number(d["maximum_gini"]); });
    add_average("max/mean", [](Json const& layer) { return layer["max_over_mean"]; });
    for (auto const& [ranks, noise] : domains.front()["rank_level"].items()) {
        add_average(fmt::format("max/mean, {} ranks", ranks),
                    [key = ranks](Json const& layer) { return layer["ranks"][key]["max_over_mean"]; });
    }
    add_average("Gini of batches, p50", [](Json const& layer) { return layer["batches"]["gini"]["p50"]; });
    add_average("Gini of batches, p95", [](Json const& layer) { return layer["batches"]["gini"]["p95"]; });
    add_average("router margin, median", [](Json const& layer) { return layer["router_margin"]["median"]; });
    for (auto const& [layer, unused] : domains.front()["layers"].items()) {
        add("Gini, " + layer, [&, key = layer](Json const& d) { return number(d["layers"][key]["gini"]); });
    }
    return fmt::format("\nTexts beside each other\n{}", table.text(TableStyle::plain));
}

}  // namespace moewire
