#include "routing/imposed.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/apportion.hpp"
#include "base/contract.hpp"

namespace moewire {
namespace {

bool has(std::vector<std::int32_t> const& picks, std::int64_t token, std::int64_t top_k,
         std::int32_t expert) {
    auto const begin = picks.begin() + token * top_k;
    return std::find(begin, begin + top_k, expert) != begin + top_k;
}

}  // namespace

std::vector<double> capped_shares(std::vector<double> weights, std::int64_t top_k) {
    double const cap = 1 / static_cast<double>(top_k);
    std::vector<bool> full(weights.size());
    for (std::size_t round = 0; round <= weights.size(); ++round) {
        double open = 0, left = 1;
        for (std::size_t e = 0; e < weights.size(); ++e)
            (full[e] ? left : open) += full[e] ? -cap : weights[e];
        bool changed = false;
        for (std::size_t e = 0; e < weights.size(); ++e) {
            if (full[e]) continue;
            weights[e] = open > 0 ? weights[e] * left / open : 0;
            if (weights[e] > cap) full[e] = changed = true, weights[e] = cap;
        }
        if (!changed) break;
    }
    return weights;
}

std::vector<std::int64_t> counts_of(std::vector<double> const& shares, std::int64_t tokens,
                                    std::int64_t top_k) {
    auto counts = apportion(tokens * top_k, shares);
    // Rounding up may pass the limit of one choice a token.
    std::int64_t beyond = 0;
    for (auto& count : counts) {
        beyond += std::max<std::int64_t>(0, count - tokens);
        count = std::min(count, tokens);
    }
    for (std::size_t e = 0; beyond > 0; e = (e + 1) % counts.size()) {
        if (counts[e] < tokens) ++counts[e], --beyond;
    }
    return counts;
}

std::vector<std::int32_t> deal(std::vector<std::int64_t> const& counts, std::int64_t tokens,
                               std::int64_t top_k, Random& random) {
    std::vector<std::int32_t> picks(static_cast<std::size_t>(tokens * top_k));
    // Experts in runs, dealt column by column: a run no longer than a column meets no token twice.
    std::int64_t next = 0;
    for (std::size_t e = 0; e < counts.size(); ++e) {
        MOEWIRE_EXPECT(counts[e] <= tokens);
        for (std::int64_t i = 0; i < counts[e]; ++i, ++next) {
            picks[static_cast<std::size_t>(next % tokens * top_k + next / tokens)] =
                static_cast<std::int32_t>(e);
        }
    }
    MOEWIRE_EXPECT(next == tokens * top_k);
    // Neighbours in a run keep the same company: exchange choices of random tokens where both stay distinct.
    auto const rows = static_cast<std::uint64_t>(tokens * top_k);
    for (std::uint64_t i = 0; i < 4 * rows; ++i) {
        auto const a = static_cast<std::int64_t>(random.below(rows)),
                   b = static_cast<std::int64_t>(random.below(rows));
        auto &x = picks[static_cast<std::size_t>(a)], &y = picks[static_cast<std::size_t>(b)];
        if (a / top_k == b / top_k || x == y) continue;
        if (has(picks, a / top_k, top_k, y) || has(picks, b / top_k, top_k, x)) continue;
        std::swap(x, y);
    }
    return picks;
}

Routing impose_shares(ControlRequest const& r,
                      std::function<std::vector<double>(std::size_t layer)> const& shares) {
    Routing routing{r.experts, Grid<std::int32_t, 3>(r.layers, r.tokens, r.top_k)};
    for (std::size_t layer = 0; layer < r.layers && r.tokens > 0; ++layer) {
        Random random(r.seed, fmt::format("control, layer {} of rank {}", layer, index_of(r.source)));
        auto const picks = deal(counts_of(shares(layer), r.tokens, r.top_k), r.tokens, r.top_k, random);
        std::copy(picks.begin(), picks.end(), routing.picks.row(layer).begin());
    }
    return routing;
}

Setting order_setting(std::string const& usual) {
    return word_setting("order",
                        usual == "sorted" ? std::vector<std::string>{"sorted", "shuffled"}
                                          : std::vector<std::string>{"shuffled", "sorted"},
                        "Hottest expert first, or experts shuffled in every layer");
}

std::vector<double> in_order(std::vector<double> descending, ControlRequest const& r, std::size_t layer) {
    if (r.settings.word("order") == "sorted") return descending;
    auto const order = Random(r.seed, fmt::format("control order, layer {}", layer)).permutation(r.experts);
    std::vector<double> shares(descending.size());
    for (std::size_t e = 0; e < shares.size(); ++e)
        shares[static_cast<std::size_t>(order[e])] = descending[e];
    return shares;
}

std::string check_shares(ControlRequest const& r, Routing const& routing,
                         std::function<std::vector<double>(std::size_t layer)> const& shares) {
    auto const counts = count_picks(routing);
    for (std::size_t layer = 0; layer < routing.layers() && r.tokens > 0; ++layer) {
        auto const wanted = counts_of(shares(layer), r.tokens, r.top_k);
        auto const got = counts.row(layer);
        if (!std::equal(got.begin(), got.end(), wanted.begin()))
            return fmt::format("layer {} has counts [{}], not [{}]", layer, fmt::join(got, ", "),
                               fmt::join(wanted, ", "));
    }
    return "";
}

std::string check_layers(Routing const& routing,
                         std::function<std::string(std::vector<std::int64_t> const& counts)> const& check) {
    auto const counts = count_picks(routing);
    for (std::size_t layer = 0; layer < routing.layers() && routing.tokens() > 0; ++layer) {
        auto const row = counts.row(layer);
        auto const problem = check({row.begin(), row.end()});
        if (!problem.empty()) return fmt::format("layer {}: {}", layer, problem);
    }
    return "";
}

std::pair<std::int32_t, std::int32_t> block_of(RankId rank, std::int32_t experts, int ranks) {
    auto const sizes = even_shares(experts, ranks);
    auto const begin = std::accumulate(
        sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(index_of(rank)), std::int64_t{0});
    return {static_cast<std::int32_t>(begin), static_cast<std::int32_t>(begin + sizes[index_of(rank)])};
}

}  // namespace moewire
