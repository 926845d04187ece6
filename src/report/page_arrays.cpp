#include <algorithm>
#include <cmath>

#include "report/exchanges.hpp"
#include "report/page_data.hpp"
#include "routing/imbalance.hpp"

namespace moewire::page {
namespace {

constexpr std::size_t most_matrix_values = 30000;  // of one case; beyond, layers are summed
constexpr std::size_t most_quantiles = 101, most_layer_quantiles = 4000;

std::size_t batches_of(Record const& record) {
    return record.has("batches")
               ? static_cast<std::size_t>(std::max<std::int64_t>(1, record.integer("batches")))
               : 1;
}

double largest(std::span<double const> values) {
    return *std::max_element(values.begin(), values.end());
}

// For every iteration, of one layer or (`layers`) of all: the slowest rank of both directions, summed.
std::vector<double> slowest_of(Grid<double, 3> const& dispatch, Grid<double, 3> const& combine,
                               std::size_t first, std::size_t last) {
    std::vector<double> sums(dispatch.extent(0));
    for (std::size_t i = 0; i < sums.size(); ++i) {
        for (std::size_t l = first; l < last; ++l)
            sums[i] += largest(dispatch.row(i, l)) + largest(combine.row(i, l));
    }
    return sums;
}

// Median over iterations, of each rank: both directions of the layers from `first` to `last`.
std::vector<double> medians_by_rank(Grid<double, 3> const& dispatch, Grid<double, 3> const& combine,
                                    std::size_t first, std::size_t last) {
    std::vector<double> medians;
    for (std::size_t r = 0; r < dispatch.extent(2); ++r) {
        std::vector<double> sums(dispatch.extent(0));
        for (std::size_t i = 0; i < sums.size(); ++i) {
            for (std::size_t l = first; l < last; ++l) sums[i] += dispatch(i, l, r) + combine(i, l, r);
        }
        medians.push_back(median(sums));
    }
    return medians;
}

Grid<double, 3> samples(Record const& record, std::string const& name) {
    return to_grid<double, 3>(record.at("measured/" + name));
}

}  // namespace

std::size_t Pool::add(Json array) {
    auto const [place, is_new] = places_.try_emplace(array.dump(), arrays_.size());
    if (is_new) arrays_.push_back(std::move(array));
    return place->second;
}

std::vector<double> quantiles_of(std::vector<double> samples, std::size_t most) {
    std::sort(samples.begin(), samples.end());
    if (samples.size() <= most) return samples;
    std::vector<double> kept;
    for (std::size_t q = 0; q < most; ++q) kept.push_back(samples[q * (samples.size() - 1) / (most - 1)]);
    return kept;
}

void add_traffic(Json& json, Record const& record, Pool& pool) {
    if (record.find("traffic_bytes") == nullptr) return;
    auto const bytes = to_grid<std::uint64_t, 3>(record.at("traffic_bytes"));
    auto const ranks = bytes.extent(1), layers = bytes.extent(0);
    bool const by_layer = layers * ranks * ranks <= most_matrix_values;
    Json all = Json::array();
    for (std::size_t l = 0; l < (by_layer ? layers : 1); ++l) {
        std::vector<std::uint64_t> flat(ranks * ranks);
        for (std::size_t from = l; from < (by_layer ? l + 1 : layers); ++from) {
            for (std::size_t s = 0; s < ranks; ++s) {
                for (std::size_t d = 0; d < ranks; ++d) flat[s * ranks + d] += bytes(from, s, d);
            }
        }
        all.push_back(flat);
    }
    json["traffic"] = pool.add(std::move(all));
    json["traffic_by_layer"] = by_layer;
}

// Under uniform routing a token chooses an expert with probability top_k / experts, independently of others:
// the count is binomial. Source: variance of a binomial count.
void add_load(Json& json, Record const& record, Pool& pool) {
    if (record.find("expert_load_tokens") == nullptr || !record.has("top_k")) return;
    auto const load = to_grid<std::int64_t, 3>(record.at("expert_load_tokens"));
    auto const top_k = static_cast<double>(record.integer("top_k"));
    auto const experts = static_cast<double>(load.extent(2));
    Json all = Json::array(), means = Json::array(), deviations = Json::array(), ginis = Json::array();
    for (std::size_t l = 0; l < load.extent(0); ++l) {
        std::vector<std::int64_t> of_expert(load.extent(2));
        for (std::size_t r = 0; r < load.extent(1); ++r) {
            for (std::size_t e = 0; e < load.extent(2); ++e) of_expert[e] += load(l, r, e);
        }
        double total = 0;
        for (auto const tokens : of_expert) total += static_cast<double>(tokens);
        double const share = std::min(1.0, top_k / experts);
        means.push_back(rounded(total / experts));
        deviations.push_back(rounded(std::sqrt(total / top_k * share * (1 - share))));
        ginis.push_back(rounded(imbalance_of(of_expert).gini));
        all.push_back(of_expert);
    }
    json["load"] = pool.add(std::move(all));
    json["load_mean"] = std::move(means);
    json["load_deviation"] = std::move(deviations);
    json["gini"] = std::move(ginis);
    if (record.has("expert_gini_noise_floor"))
        json["gini_floor"] = rounded(record.number("expert_gini_noise_floor"));
}

void add_samples(Json& json, Record const& record) {
    auto const dispatch = samples(record, "dispatch_transfer_s"),
               combine = samples(record, "combine_transfer_s");
    auto const dispatch_wait = samples(record, "dispatch_wait_s"),
               combine_wait = samples(record, "combine_wait_s");
    auto const layers = dispatch.extent(1);
    auto const of_layer =
        std::clamp<std::size_t>(most_layer_quantiles / std::max<std::size_t>(layers, 1), 11, most_quantiles);
    Json ecdf = Json::array(), wait = Json::array(), transfer = Json::array();
    // Place 0: all layers; place l + 1: layer l.
    for (std::size_t at = 0; at <= layers; ++at) {
        auto const first = at == 0 ? 0 : at - 1, last = at == 0 ? layers : at;
        ecdf.push_back(rounded(
            quantiles_of(slowest_of(dispatch, combine, first, last), at == 0 ? most_quantiles : of_layer)));
        wait.push_back(rounded(medians_by_rank(dispatch_wait, combine_wait, first, last)));
        transfer.push_back(rounded(medians_by_rank(dispatch, combine, first, last)));
    }
    json["ecdf"] = std::move(ecdf);
    json["wait_s"] = std::move(wait);
    json["transfer_s"] = std::move(transfer);
}

void add_exchanges(Json& json, Record const& record) {
    Json measured = Json::array(), forecasts = Json::object();
    for (auto const& e : exchanges_of(record)) {
        if (e.measured.samples > 0) measured.push_back(to_json(e.measured));
        for (auto const& [model, f] : e.forecasts)
            forecasts[model].push_back(rounded(std::vector{f.time_s, f.low_s, f.high_s}));
    }
    json["exchanges"] = std::move(measured);  // dispatch of all layers, then combine of all layers
    json["forecasts"] = std::move(forecasts);
    json["batches"] = batches_of(record);
}

void add_rules(Json& json, Record const& record, std::vector<UniformPoint> const& uniform) {
    Json rules = Json::object();
    for (auto const& [rule, times_s] : simple_rules_of(record, uniform)) rules[rule] = rounded(times_s);
    json["rules"] = std::move(rules);
}

}  // namespace moewire::page
