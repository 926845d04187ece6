// How uneven is a load? One set of figures for experts, ranks and pairs, and what chance alone would give.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moewire {

// Per layer and per step first; aggregate afterwards. Never of loads summed over layers: skews cancel.
struct Imbalance {
    double gini = 0;           // 0 equal .. 1 - 1/n all on one
    double cv = 0;             // population standard deviation / mean
    double max_over_mean = 1;  // MaxVio + 1
    double max_over_min = 1;   // (max + 1) / (min + 1): finite where a load is zero
    double entropy = 1;        // of the shares, divided by ln n: 1 equal .. 0 all on one
    std::int64_t idle = 0;     // loads that are zero
};

// All loads zero counts as perfectly equal. Throws: contract, on an empty span.
// Source: gini = sum_i (2i - n - 1) x_(i) / (n sum x), ascending order, i from 1.
Imbalance imbalance_of(std::span<std::int64_t const> loads);

double gini_of(std::span<double const> shares);

// What perfectly uniform, independent routing shows at this many tokens: an imbalance at the floor is no
// imbalance.
struct NoiseFloor {
    double gini = 0;
    double cv = 0;
    double max_over_mean = 1;
};

// Expected figures when each of `tokens` tokens picks `top_k` distinct experts of `experts` at random and the
// loads of equal groups of experts/groups experts are compared (groups = experts: expert level; groups =
// ranks: rank level). Normal approximation; within 4 % of simulation from 64 tokens on (tested). Source:
// variance of a hypergeometric count; mean range and maximum of correlated normals.
NoiseFloor noise_floor(std::int64_t tokens, std::int32_t experts, std::int32_t top_k, std::int32_t groups);

// Popularity of `experts` experts, descending, summing to 1, proportional to i^-s with s such that the Gini
// coefficient is `gini` to 1e-12. Throws: usage, outside 0 .. 1 - 1/experts.
std::vector<double> popularity_at_gini(std::int32_t experts, double gini);

}  // namespace moewire
