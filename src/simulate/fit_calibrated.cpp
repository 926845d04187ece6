#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/statistics.hpp"
#include "simulate/calibrated.hpp"
#include "simulate/trust_bands.hpp"

namespace moewire {
namespace {

constexpr std::size_t least_probes = 12;
constexpr double huber_limit = 0.10;  // weighted log residuals beyond count linearly
// The model's own error: medians known better than this count alike.
constexpr double least_error = 0.03;
constexpr std::array sharpnesses{1, 2, 4, 8};  // sharper ones fit probes better, and what follows worse
constexpr std::array all_overlaps{1, 2, 8};
constexpr int restarts = 3;

double huber(double residual) {
    double const size = std::abs(residual);
    return size <= huber_limit ? size * size : 2 * huber_limit * size - huber_limit * huber_limit;
}

struct Observed {
    ExchangeLoad const* load;
    double p50_s;
    double weight;
};

// Of a probe's residual. Samples of large messages lie within a percent of each other, those of short ones,
// and where several ranks share a core, within tens of them: counted alike, errors of medians that nobody
// knows better would be bought with errors of those that are known.
double weight_of(ProbeResult const& probe) {
    double variance = 0;  // of the mean over parts of their log medians
    for (std::size_t i = 0; i < probe.parts; ++i) {
        std::vector<double> logs;
        for (double const sample_s : probe.part(i)) logs.push_back(std::log(sample_s));
        double const error = median_error(logs);
        variance += error * error / static_cast<double>(probe.parts * probe.parts);
    }
    return least_error / std::sqrt(least_error * least_error + variance);
}

double power(double x, int exponent) {  // exponent: a power of two
    for (; exponent > 1; exponent /= 2) x *= x;
    return x;
}

// The model as an array of positive numbers: three times, the credit, three numbers of a channel, then a
// slowness (seconds per byte) for every class. Factors of a probe: messages of both kinds, is there a
// channel, what fills it, its bytes, then bytes of every class.
class LogFit {
  public:
    LogFit(std::span<Observed const> observed, int sharpness, int overlap)
        : sharpness_(sharpness), overlap_(overlap) {
        std::set<std::string> classes;
        for (auto const& o : observed) {
            for (auto const& [name, bytes] : o.load->bytes) {
                if (bytes > 0) classes.insert(name);
            }
        }
        classes_.assign(classes.begin(), classes.end());
        for (auto const& o : observed) {
            log_p50_.push_back(std::log(o.p50_s));
            weights_.push_back(o.weight);
            has_channels_ = has_channels_ || o.load->channel_bytes > 0;
            factors_.push_back(o.load->eager_messages);
            factors_.push_back(o.load->rendezvous_messages);
            factors_.push_back(o.load->channel_bytes > 0 ? 1 : 0);
            factors_.push_back(o.load->fill_bytes);
            factors_.push_back(o.load->channel_bytes);
            for (auto const& name : classes_) {
                auto const found = o.load->bytes.find(name);
                factors_.push_back(found == o.load->bytes.end() ? 0 : found->second);
            }
        }
    }

    double loss(std::vector<double> const& x) const {
        auto const width = classes_.size() + first_class;
        double sum = 0;
        for (std::size_t i = 0; i < log_p50_.size(); ++i) {
            auto const* const f = &factors_[i * width];
            double const channel = f[2] * x[4] + f[3] * x[5] + f[4] * x[6];
            double longest = channel;
            for (std::size_t k = first_class; k < width; ++k)
                longest = std::max(longest, (f[k] - x[3]) * x[k + 2]);
            double powers = longest > 0 ? power(channel / longest, sharpness_) : 0;
            for (std::size_t k = first_class; k < width && longest > 0; ++k)
                powers += power(std::max(0.0, f[k] - x[3]) * x[k + 2] / longest, sharpness_);
            double const moved = longest > 0 ? longest * std::pow(powers, 1.0 / sharpness_) : 0;
            double const start = x[0] + f[0] * x[1] + f[1] * x[2], longer = std::max(start, moved);
            double const both = power(start / longer, overlap_) + power(moved / longer, overlap_);
            sum += huber(weights_[i] * (std::log(longer) + std::log(both) / overlap_ - log_p50_[i]));
        }
        return sum;
    }

    // Around what the data allow: no road is slower than the slowest probe that used it says.
    std::vector<double> start(Random& random, bool is_first) const {
        double const least_s = std::exp(*std::min_element(log_p50_.begin(), log_p50_.end()));
        std::vector<double> x{0.7 * least_s, 0.05 * least_s, 0.05 * least_s, 100, 0.2 * least_s};
        auto const width = classes_.size() + first_class;
        for (std::size_t k = 3; k < width; ++k) {
            double slowest = INFINITY;
            for (std::size_t i = 0; i < log_p50_.size(); ++i) {
                double const bytes = factors_[i * width + k];
                if (bytes > 0) slowest = std::min(slowest, std::exp(log_p50_[i]) / bytes);
            }
            bool const is_used = std::isfinite(slowest);
            x.push_back(is_used ? slowest * (is_first ? 0.5 : std::exp(-6 * random.uniform())) : 0);
        }
        return x;
    }

    // One number at a time, up or down by a factor that shrinks: no gradient, so nothing that a kink could
    // mislead.
    double descend(std::vector<double>& x) const {
        double best = loss(x);
        std::vector<double> step(x.size(), 1.0);
        for (int round = 0; round < 300; ++round) {
            bool is_moving = false;
            for (std::size_t i = 0; i < x.size(); ++i) {
                double const old = x[i];
                bool better = false;
                for (double const direction : {1.0, -1.0}) {
                    x[i] = old * std::exp(direction * step[i]);
                    if (double const now = loss(x); now < best - 1e-6) {
                        best = now;
                        better = true;
                        break;
                    }
                    x[i] = old;
                }
                step[i] *= better ? 1.5 : 0.5;
                is_moving = is_moving || step[i] > 1e-4;
            }
            if (!is_moving) break;
        }
        return best;
    }

    // What costs next to nothing costs nothing: a rate that no road has says only that the class does not
    // matter.
    CalibratedModel model(std::vector<double> const& x, EagerLimits const& limits) const {
        CalibratedModel model;
        model.floor_s = x[0];
        model.eager_message_s = x[1] < 1e-12 ? 0 : x[1];
        model.rendezvous_message_s = x[2] < 1e-12 ? 0 : x[2];
        model.credit_bytes = x[3] < 1 ? 0 : x[3];
        model.sharpness = sharpness_;
        model.overlap = overlap_;
        model.limits = limits;
        if (has_channels_) {
            model.channel_start_s = x[4];
            model.channel_fill_s_per_byte = x[5];
            model.channel_s_per_byte = x[6];
        }
        for (std::size_t k = 0; k < classes_.size(); ++k) {
            if (double const slowness = x[k + first_class + 2]; slowness > 1e-15)
                model.rate_bytes_per_s[classes_[k]] = 1 / slowness;
        }
        return model;
    }

  private:
    int sharpness_, overlap_;
    bool has_channels_ = false;
    std::vector<std::string> classes_;
    std::vector<double> log_p50_, weights_;
    static constexpr std::size_t first_class = 5;
    std::vector<double> factors_;  // Shape: [probe, first_class + class]
};

CalibratedModel fit(std::span<Observed const> observed, EagerLimits const& limits,
                    std::span<int const> overlaps) {
    CalibratedModel best;
    double least = INFINITY;
    Random random(0, "calibration");
    for (int const overlap : overlaps) {
        // The sharper, the more kinks: what a less sharp one found is a start that leads past most of them.
        std::vector<double> less_sharp;
        for (int const sharpness : sharpnesses) {
            LogFit const problem(observed, sharpness, overlap);
            std::vector<std::vector<double>> starts;
            if (!less_sharp.empty()) starts.push_back(less_sharp);
            for (int restart = 0; restart < restarts; ++restart)
                starts.push_back(problem.start(random, restart == 0));
            double least_here = INFINITY;
            for (auto& x : starts) {
                double const now = problem.descend(x);
                if (now >= least_here) continue;
                least_here = now;
                less_sharp = x;
            }
            if (least_here >= least) continue;
            least = least_here;
            best = problem.model(less_sharp, limits);
        }
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

// Exchanges of models have patterns that no probe has: what a fit is off there, only a pattern tells that it
// has not seen. Which fold leaves each probe out.
std::vector<std::size_t> folds_of(std::span<ProbeResult const* const> probes, std::size_t folds) {
    std::map<std::string, std::size_t> patterns;
    std::vector<std::size_t> of_pattern, of_probe;
    for (auto const* probe : probes) {
        auto const name = probe->pattern.empty() ? fmt::format("probe {}", of_probe.size()) : probe->pattern;
        of_pattern.push_back(patterns.try_emplace(name, patterns.size()).first->second % folds);
        of_probe.push_back(of_probe.size() % folds);
    }
    return patterns.size() > 1 ? of_pattern : of_probe;
}

}  // namespace

CalibratedModel fit_calibrated(std::span<ProbeResult const> probes, EagerLimits const& limits, int folds) {
    if (probes.size() < least_probes)
        throw failure("calibration",
                      fmt::format("{} probes (a fit with intervals needs {}); probe more sizes",
                                  probes.size(), least_probes));
    std::vector<Observed> all;
    std::vector<ProbeResult const*> of_observed;
    std::vector<double> empty_s;
    for (auto const& probe : probes) {
        double const p50_s = probe.typical_s();
        if (!(p50_s > 0))
            throw failure(
                "calibration",
                fmt::format("probe {} took no time (a clock that stands still?); run again", probe.name));
        if (probe.load.is_empty()) {  // it starts nothing: no other probe tells what it takes, nor it of them
            empty_s.push_back(p50_s);
            continue;
        }
        all.push_back({&probe.load, p50_s, weight_of(probe)});
        of_observed.push_back(&probe);
    }
    auto model = fit(all, limits, all_overlaps);
    model.empty_s = empty_s.empty() ? model.floor_s : median(empty_s);
    std::array const overlap{static_cast<int>(model.overlap)};  // no few patterns decide it
    std::map<Regime, std::vector<Unseen>> unseen;
    std::vector<double> pooled;
    auto const fold_of = folds_of(of_observed, static_cast<std::size_t>(folds));
    for (std::size_t fold = 0; fold < static_cast<std::size_t>(folds); ++fold) {
        std::vector<Observed> seen;
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (fold_of[i] != fold) seen.push_back(all[i]);
        }
        if (seen.size() == all.size()) continue;  // fewer patterns than folds
        auto const without = fit(seen, limits, overlap);
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (fold_of[i] != fold) continue;
            Unseen one{of_observed[i], {}};
            for (std::size_t part = 0; part < one.probe->parts; ++part) {
                double const p50_s = median(one.probe->part(part));
                one.residuals.push_back(std::log(p50_s / without.time_s(one.probe->load)));
            }
            pooled.insert(pooled.end(), one.residuals.begin(), one.residuals.end());
            unseen[one.probe->load.regime].push_back(std::move(one));
        }
    }
    for (auto const& [regime, probes_of_regime] : unseen)
        model.trust[regime] = bands_of(probes_of_regime, pooled);
    model.hull = hull_of(probes);
    return model;
}

}  // namespace moewire
