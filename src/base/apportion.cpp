#include "base/apportion.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/contract.hpp"

namespace moewire {

std::vector<std::int64_t> even_shares(std::int64_t total, std::int64_t parts) {
    MOEWIRE_EXPECT(total >= 0 && parts > 0);
    std::vector<std::int64_t> shares(static_cast<std::size_t>(parts), total / parts);
    std::fill_n(shares.begin(), total % parts, total / parts + 1);
    return shares;
}

std::vector<std::int64_t> apportion(std::int64_t total, std::span<double const> weights) {
    MOEWIRE_EXPECT(!weights.empty() && *std::min_element(weights.begin(), weights.end()) >= 0);
    double const sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    if (!(sum > 0)) return even_shares(total, static_cast<std::int64_t>(weights.size()));
    std::vector<std::int64_t> shares;
    std::vector<double> remainders;
    for (double const weight : weights) {
        double const exact = static_cast<double>(total) * (weight / sum);
        shares.push_back(static_cast<std::int64_t>(std::floor(exact)));
        remainders.push_back(exact - std::floor(exact));
    }
    std::vector<std::size_t> order(weights.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
    // Rounding may leave the floors one above or below what is missing from `total`.
    auto missing = total - std::accumulate(shares.begin(), shares.end(), std::int64_t{0});
    for (std::size_t i = 0; missing > 0; i = (i + 1) % order.size(), --missing) ++shares[order[i]];
    for (std::size_t i = order.size(); missing < 0; ++missing) {
        while (shares[order[--i]] == 0) {
        }
        --shares[order[i]];
    }
    return shares;
}

}  // namespace moewire
