#include "simulate/calibrated.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "base/statistics.hpp"

namespace moewire {
namespace {

constexpr std::size_t least_probes = 12, least_of_regime = 10;
constexpr double huber_limit = 0.10;  // log residuals beyond count linearly

double huber(double residual) {
    double const size = std::abs(residual);
    return size <= huber_limit ? size * size : 2 * huber_limit * size - huber_limit * huber_limit;
}

struct Observed {
    ExchangeLoad const* load;
    double p50_s;
};

double loss(CalibratedModel const& model, std::span<Observed const> observed) {
    double sum = 0;
    for (auto const& o : observed) sum += huber(std::log(model.time_s(*o.load) / o.p50_s));
    return sum;
}

// Every number that is fitted, in a fixed order.
std::vector<double*> numbers_of(CalibratedModel& model) {
    std::vector<double*> all{&model.floor_s, &model.eager_message_s, &model.rendezvous_message_s};
    for (auto& [name, rate] : model.rate_bytes_per_s) all.push_back(&rate);
    return all;
}

// One number at a time, up or down by a factor that shrinks: no gradient, so nothing that a kink could
// mislead.
void descend(CalibratedModel& model, std::span<Observed const> observed) {
    auto const numbers = numbers_of(model);
    double best = loss(model, observed);
    std::vector<double> step(numbers.size(), 1.0);
    for (int round = 0; round < 400; ++round) {
        bool is_moving = false;
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            double const old = *numbers[i];
            bool better = false;
            for (double const direction : {1.0, -1.0}) {
                *numbers[i] = old * std::exp(direction * step[i]);
                if (double const now = loss(model, observed); now < best) {
                    best = now;
                    better = true;
                    break;
                }
                *numbers[i] = old;
            }
            step[i] *= better ? 1.4 : 0.5;
            is_moving = is_moving || step[i] > 1e-5;
        }
        if (!is_moving) return;
    }
}

CalibratedModel start(std::span<Observed const> observed, EagerLimits const& limits, double sharpness) {
    CalibratedModel model;
    model.limits = limits;
    model.sharpness = sharpness;
    double least_s = observed.front().p50_s;
    std::map<std::string, double> slowest;
    for (auto const& o : observed) {
        least_s = std::min(least_s, o.p50_s);
        for (auto const& [name, bytes] : o.load->bytes) {
            if (bytes > 0) slowest[name] = std::max(slowest[name], bytes / o.p50_s);
        }
    }
    model.floor_s = 0.7 * least_s;
    model.eager_message_s = model.rendezvous_message_s = 0.05 * least_s;
    for (auto const& [name, rate] : slowest) model.rate_bytes_per_s[name] = 2 * rate;
    return model;
}

CalibratedModel fit(std::span<Observed const> observed, EagerLimits const& limits) {
    CalibratedModel best;
    double least = INFINITY;
    for (double const sharpness : {1.0, 2.0, 4.0, 16.0}) {
        auto model = start(observed, limits, sharpness);
        descend(model, observed);
        double const now = loss(model, observed);
        if (now < least) least = now, best = model;
    }
    return best;
}

Hull hull_of(std::span<ProbeResult const> probes) {
    Hull hull{INFINITY, 0, 0};
    for (auto const& probe : probes) {
        if (probe.load.busiest_bytes > 0)
            hull.least_bytes = std::min(hull.least_bytes, probe.load.busiest_bytes);
        hull.most_bytes = std::max(hull.most_bytes, probe.load.busiest_bytes);
        hull.most_messages =
            std::max(hull.most_messages, probe.load.eager_messages + probe.load.rendezvous_messages);
    }
    return hull;
}

// The tail of a regime is either an addition or a factor: whichever is the same for all its probes.
void add_tail(std::span<ProbeResult const> probes, Regime regime, RegimeTrust& trust) {
    std::vector<double> added_s, ratios;
    for (auto const& probe : probes) {
        if (probe.load.regime != regime) continue;
        double const p50_s = median(probe.samples_s), p99_s = percentile(probe.samples_s, 0.99);
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

}  // namespace

double CalibratedModel::time_s(ExchangeLoad const& load) const {
    double longest_s = 0;
    for (auto const& [name, bytes] : load.bytes) {
        auto const rate = rate_bytes_per_s.find(name);
        if (rate != rate_bytes_per_s.end()) longest_s = std::max(longest_s, bytes / rate->second);
    }
    double powers = 0;
    for (auto const& [name, bytes] : load.bytes) {
        auto const rate = rate_bytes_per_s.find(name);
        if (longest_s > 0 && rate != rate_bytes_per_s.end())
            powers += std::pow(bytes / rate->second / longest_s, sharpness);
    }
    double const moved_s = longest_s > 0 ? longest_s * std::pow(powers, 1 / sharpness) : 0;
    return floor_s + load.eager_messages * eager_message_s + load.rendezvous_messages * rendezvous_message_s +
           moved_s;
}

RegimeTrust const& CalibratedModel::trust_in(Regime regime) const {
    MOEWIRE_EXPECT(!trust.empty());
    auto const found = trust.lower_bound(regime);
    return found == trust.end() ? trust.rbegin()->second : found->second;
}

double CalibratedModel::widening(ExchangeLoad const& load) const {
    double factor = 1;
    if (load.busiest_bytes > hull.most_bytes) factor += std::log2(load.busiest_bytes / hull.most_bytes);
    if (load.busiest_bytes > 0 && load.busiest_bytes < hull.least_bytes)
        factor += std::log2(hull.least_bytes / load.busiest_bytes);
    double const messages = load.eager_messages + load.rendezvous_messages;
    if (messages > hull.most_messages) factor += messages / hull.most_messages - 1;
    return factor;
}

double level_of_one(double fraction, int ranks) {
    MOEWIRE_EXPECT(ranks > 0);
    return std::pow(fraction, 1.0 / ranks);
}

CalibratedModel fit_calibrated(std::span<ProbeResult const> probes, EagerLimits const& limits, int folds) {
    if (probes.size() < least_probes)
        throw failure("calibration",
                      fmt::format("{} probes (a fit with intervals needs {}); probe more sizes",
                                  probes.size(), least_probes));
    std::vector<Observed> all;
    for (auto const& probe : probes) {
        double const p50_s = probe.samples_s.empty() ? 0 : median(probe.samples_s);
        if (!(p50_s > 0))
            throw failure(
                "calibration",
                fmt::format("probe {} took no time (a clock that stands still?); run again", probe.name));
        all.push_back({&probe.load, p50_s});
    }
    auto model = fit(all, limits);
    std::map<Regime, std::vector<double>> unseen;
    std::vector<double> pooled;
    for (int fold = 0; fold < folds; ++fold) {
        std::vector<Observed> seen;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (static_cast<int>(i) % folds != fold) seen.push_back(all[i]);
        }
        auto const part = fit(seen, limits);
        for (std::size_t i = static_cast<std::size_t>(fold); i < all.size();
             i += static_cast<std::size_t>(folds)) {
            double const residual = std::log(all[i].p50_s / part.time_s(*all[i].load));
            unseen[probes[i].load.regime].push_back(residual);
            pooled.push_back(residual);
        }
    }
    for (auto const& [regime, residuals] : unseen) {
        auto const& used = residuals.size() >= least_of_regime ? residuals : pooled;
        auto& trust = model.trust[regime];
        trust.probes = residuals.size();
        trust.log_radius_50 = conformal_radius(used, 0.5);
        trust.log_radius_90 = conformal_radius(used, 0.9);
        add_tail(probes, regime, trust);
    }
    model.hull = hull_of(probes);
    return model;
}

}  // namespace moewire
