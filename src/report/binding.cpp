#include "report/binding.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <vector>

#include "base/statistics.hpp"

namespace moewire {
namespace {

std::optional<Lateness::OnPurpose> made_late(Record const& record) {
    if (!record.has("delay") || record.text("mode") != "replay") return std::nullopt;
    Lateness::OnPurpose made{};
    double by_us = 0;
    if (std::sscanf(record.text("delay").c_str(), "%zu:%lf", &made.rank, &by_us) != 2) return std::nullopt;
    made.by_s = by_us * 1e-6;
    return made;
}

}  // namespace

Lateness lateness_of(Record const& record) {
    Lateness lateness;
    std::vector<std::vector<double>> behind_s;  // Shape: [rank][exchange to which it came last]
    std::size_t exchanges = 0;
    for (auto const* name : {"measured/dispatch_wait_s", "measured/combine_wait_s"}) {
        auto const samples = to_grid<double, 3>(record.at(name));
        behind_s.resize(samples.extent(2));
        if (behind_s.size() < 2) return lateness;
        for (std::size_t i = 0; i < samples.extent(0); ++i) {
            for (std::size_t l = 0; l < samples.extent(1); ++l, ++exchanges) {
                // Whoever comes last waits for nobody, and the one before it for that one alone.
                auto const waits = samples.row(i, l);
                auto const last =
                    static_cast<std::size_t>(std::min_element(waits.begin(), waits.end()) - waits.begin());
                double before_s = std::numeric_limits<double>::infinity();
                for (std::size_t rank = 0; rank < waits.size(); ++rank) {
                    if (rank != last) before_s = std::min(before_s, waits[rank]);
                }
                behind_s[last].push_back(before_s);
            }
        }
    }
    auto const most = std::max_element(behind_s.begin(), behind_s.end(),
                                       [](auto const& a, auto const& b) { return a.size() < b.size(); });
    lateness.rank = static_cast<std::size_t>(most - behind_s.begin());
    lateness.ranks = behind_s.size();
    if (exchanges > 0) {
        lateness.share = static_cast<double>(most->size()) / static_cast<double>(exchanges);
        lateness.behind_s = median(*most);
    }
    lateness.made = made_late(record);
    return lateness;
}

Binding binding_of(Record const& record) {
    Binding binding;
    std::vector<std::size_t> slowest;
    std::size_t exchanges = 0;
    for (auto const* name : {"measured/dispatch_transfer_s", "measured/combine_transfer_s"}) {
        auto const samples = to_grid<double, 3>(record.at(name));
        slowest.resize(samples.extent(2));
        for (std::size_t i = 0; i < samples.extent(0); ++i) {
            for (std::size_t l = 0; l < samples.extent(1); ++l, ++exchanges) {
                auto const ranks = samples.row(i, l);
                ++slowest[static_cast<std::size_t>(std::max_element(ranks.begin(), ranks.end()) -
                                                   ranks.begin())];
            }
        }
    }
    auto const most = std::max_element(slowest.begin(), slowest.end());
    binding.rank = static_cast<std::size_t>(most - slowest.begin());
    binding.ranks = slowest.size();
    if (exchanges > 0) binding.share = static_cast<double>(*most) / static_cast<double>(exchanges);
    if (record.has("binding_resource")) binding.resource = record.text("binding_resource");
    return binding;
}

}  // namespace moewire
