#include "report/exchanges.hpp"

#include <algorithm>
#include <array>

#include "trace/schema.hpp"

namespace moewire {
namespace {

constexpr std::array directions{"dispatch", "combine"};

std::vector<Quantile> measured_medians(Record const& record, std::string const& direction) {
    auto const samples = to_grid<double, 3>(record.at("measured/" + direction + "_transfer_s"));
    std::vector<Quantile> medians;
    for (std::size_t l = 0; l < samples.extent(1); ++l) {
        std::vector<double> slowest;
        for (std::size_t i = 0; i < samples.extent(0); ++i) {
            auto const ranks = samples.row(i, l);
            slowest.push_back(*std::max_element(ranks.begin(), ranks.end()));
        }
        medians.push_back(quantile(slowest, 0.5));
    }
    return medians;
}

}  // namespace

std::vector<std::string> predicting_models(Record const& record) {
    std::vector<std::string> names;
    std::string const prefix = "predicted/dispatch/", suffix = "_bound_s";
    for (auto const& dataset : record.datasets) {
        if (!dataset.name.starts_with(prefix) || !dataset.name.ends_with(suffix)) continue;
        names.push_back(
            dataset.name.substr(prefix.size(), dataset.name.size() - prefix.size() - suffix.size()));
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<ExchangeFigures> exchanges_of(Record const& record) {
    std::vector<ExchangeFigures> all;
    auto const models = predicting_models(record);
    for (std::string const direction : directions) {
        auto const first = all.size();
        auto const grow = [&](std::size_t layers) {
            for (auto l = all.size() - first; l < layers; ++l) all.push_back({direction, l, {}, {}});
        };
        if (record.text("status") == status::ok) {
            auto const medians = measured_medians(record, direction);
            grow(medians.size());
            for (std::size_t l = 0; l < medians.size(); ++l) all[first + l].measured = medians[l];
        }
        for (auto const& model : models) {
            auto const read = [&](char const* what) {
                return to_grid<double, 1>(record.at("predicted/" + direction + "/" + model + what)).values();
            };
            auto const time_s = read("_s"), low_s = read("_low_s"), high_s = read("_high_s"),
                       bound_s = read("_bound_s");
            grow(time_s.size());
            for (std::size_t l = 0; l < time_s.size(); ++l)
                all[first + l].forecasts[model] = {time_s[l], low_s[l], high_s[l], bound_s[l]};
        }
    }
    return all;
}

}  // namespace moewire
