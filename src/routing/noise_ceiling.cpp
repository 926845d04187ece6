#include "routing/noise_ceiling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/contract.hpp"
#include "base/random.hpp"
#include "base/statistics.hpp"

namespace moewire {
namespace {

constexpr std::int64_t most_simulated_tokens = 4096;
constexpr double fraction = 0.99;

// One text's picks by the first steps of a shuffle. The order that one token leaves is a fair start for the
// next. `below` without its rejection: this is the inner loop, and a bias of 2^-32 is none.
void count_uniform(std::int64_t tokens, std::int32_t top_k, Random& random, std::vector<std::int32_t>& order,
                   std::vector<std::int64_t>& counts) {
    std::fill(counts.begin(), counts.end(), 0);
    auto const experts = order.size(), k = static_cast<std::size_t>(top_k);
    for (std::int64_t token = 0; token < tokens; ++token) {
        for (std::size_t i = 0; i < k; ++i) {
            auto const at = i + (((random.next() >> 32) * (experts - i)) >> 32);
            std::swap(order[i], order[at]);
            ++counts[static_cast<std::size_t>(order[i])];
        }
    }
}

// Loads of groups: the first experts % groups groups hold one expert more.
void add_groups(std::vector<std::int64_t> const& counts, std::vector<std::int64_t>& loads) {
    auto const size = counts.size() / loads.size(), larger = counts.size() % loads.size();
    auto from = counts.begin();
    for (std::size_t group = 0; group < loads.size(); ++group) {
        auto const to = from + static_cast<std::ptrdiff_t>(size + (group < larger ? 1 : 0));
        loads[group] = std::accumulate(from, to, std::int64_t{0});
        from = to;
    }
}

// As if `tokens` had been drawn instead of `drawn`: means grow with the tokens, deviations with their root.
void scale_counts(double tokens, double drawn, double picks_of_token, std::vector<std::int64_t>& counts) {
    for (auto& count : counts) {
        double const deviation = static_cast<double>(count) - drawn * picks_of_token;
        count = std::llround(tokens * picks_of_token + deviation * std::sqrt(tokens / drawn));
    }
}

template <class Figure>
double level(std::span<Imbalance const> draws, double at, Figure const& figure) {
    std::vector<double> values;
    values.reserve(draws.size());
    for (auto const& draw : draws) values.push_back(figure(draw));
    return percentile(values, at);
}

}  // namespace

std::vector<Imbalance> simulate_uniform(std::int64_t tokens, std::int32_t experts, std::int32_t top_k,
                                        std::int32_t groups) {
    MOEWIRE_EXPECT(tokens > 0 && groups > 0 && groups <= experts && top_k > 0 && top_k <= experts);
    Random random(0, "uniform routing");
    auto order = random.permutation(experts);
    std::vector<std::int64_t> counts(order.size()), loads(static_cast<std::size_t>(groups));
    auto const drawn = std::min(tokens, most_simulated_tokens);
    double const picks_of_token = static_cast<double>(top_k) / experts;
    std::vector<Imbalance> draws;
    for (int draw = 0; draw < uniform_draws; ++draw) {
        count_uniform(drawn, top_k, random, order, counts);
        if (drawn < tokens) {
            scale_counts(static_cast<double>(tokens), static_cast<double>(drawn), picks_of_token, counts);
        }
        add_groups(counts, loads);
        draws.push_back(imbalance_of(loads));
    }
    return draws;
}

Imbalance noise_ceiling(std::span<Imbalance const> draws) {
    Imbalance ceiling;
    ceiling.gini = level(draws, fraction, [](auto const& i) { return i.gini; });
    ceiling.cv = level(draws, fraction, [](auto const& i) { return i.cv; });
    ceiling.max_over_mean = level(draws, fraction, [](auto const& i) { return i.max_over_mean; });
    ceiling.max_over_min = level(draws, fraction, [](auto const& i) { return i.max_over_min; });
    ceiling.entropy = level(draws, 1 - fraction, [](auto const& i) { return i.entropy; });
    ceiling.idle =
        std::llround(level(draws, fraction, [](auto const& i) { return static_cast<double>(i.idle); }));
    return ceiling;
}

Imbalance noise_ceiling(std::int64_t tokens, std::int32_t experts, std::int32_t top_k, std::int32_t groups) {
    return noise_ceiling(simulate_uniform(tokens, experts, top_k, groups));
}

AboveNoise above_noise(Imbalance const& measured, Imbalance const& ceiling) {
    // Equal routing computed twice may differ in the last bit.
    constexpr double slack = 1e-12;
    return {.gini = measured.gini > ceiling.gini + slack,
            .cv = measured.cv > ceiling.cv + slack,
            .max_over_mean = measured.max_over_mean > ceiling.max_over_mean + slack,
            .max_over_min = measured.max_over_min > ceiling.max_over_min + slack,
            .entropy = measured.entropy<ceiling.entropy - slack, .idle = measured.idle> ceiling.idle};
}

}  // namespace moewire
