#include "simulate/trust_bands.hpp"

#include <algorithm>
#include <cmath>

#include "base/statistics.hpp"

namespace moewire {
namespace {

constexpr std::size_t least_of_regime = 10, least_of_band = 30;

// The tail is either an addition or a factor: whichever is the same for all probes.
void add_tail(std::span<Unseen const> band, RegimeTrust& trust) {
    std::vector<double> added_s, ratios;
    for (auto const& one : band) {
        double const p50_s = median(one.probe->samples_s), p99_s = percentile(one.probe->samples_s, 0.99);
        added_s.push_back(p99_s - p50_s);
        ratios.push_back(p99_s / p50_s - 1);
    }
    double const added = median(added_s), ratio = median(ratios);
    auto const spread = [](std::vector<double> values, double middle) {
        for (auto& value : values) value = std::abs(value - middle);
        return middle > 0 ? median(values) / middle : 0;
    };
    (spread(added_s, added) <= spread(ratios, ratio) ? trust.tail_s : trust.tail_ratio) =
        spread(added_s, added) <= spread(ratios, ratio) ? added : ratio;
}

std::vector<double> residuals_of(std::span<Unseen const> band) {
    std::vector<double> residuals;
    for (auto const& one : band)
        residuals.insert(residuals.end(), one.residuals.begin(), one.residuals.end());
    return residuals;
}

// Bands of about as many probes each, by size: a short message and a long one of the same regime are not off
// alike.
void add_bands(std::vector<Unseen> probes, Spread spread, std::span<double const> pooled,
               std::vector<RegimeTrust>& bands) {
    std::stable_sort(probes.begin(), probes.end(), [](Unseen const& a, Unseen const& b) {
        return a.probe->load.busiest_bytes < b.probe->load.busiest_bytes;
    });
    auto const count = std::max<std::size_t>(1, probes.size() / least_of_band);
    std::size_t first = 0;
    for (std::size_t b = 1; b <= count; ++b) {
        auto end = probes.size() * b / count;
        // Probes of one size stay together.
        while (end < probes.size() &&
               probes[end].probe->load.busiest_bytes <= probes[end - 1].probe->load.busiest_bytes)
            ++end;
        if (end <= first) continue;
        auto const band = std::span(probes).subspan(first, end - first);
        auto const own = residuals_of(band);
        auto const used = band.size() >= least_of_regime ? std::span<double const>(own) : pooled;
        RegimeTrust trust{band.size(), spread, band.back().probe->load.busiest_bytes,
                          conformal_radius(used, 0.5), conformal_radius(used, 0.9)};
        add_tail(band, trust);
        bands.push_back(trust);
        first = end;
    }
}

}  // namespace

std::vector<RegimeTrust> bands_of(std::vector<Unseen> const& regime, std::span<double const> pooled) {
    std::vector<Unseen> few, most;
    for (auto const& one : regime)
        (spread_of(one.probe->load) == Spread::few_pairs ? few : most).push_back(one);
    std::vector<RegimeTrust> bands;
    if (std::min(few.size(), most.size()) < least_of_regime) {
        add_bands(regime, Spread::any, pooled, bands);
    } else {
        add_bands(std::move(few), Spread::few_pairs, pooled, bands);
        add_bands(std::move(most), Spread::most_pairs, pooled, bands);
    }
    return bands;
}

}  // namespace moewire
