#include "assignment/packing.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

#include "base/contract.hpp"

namespace moewire {
namespace {

// Pours `amount` onto ranks of these loads to one level. Shape: [rank] -> poured.
std::vector<double> pour(double amount, std::span<double const> base) {
    std::vector<std::size_t> order(base.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return base[a] < base[b]; });
    double below = 0, level = 0;
    for (std::size_t used = 1; used <= order.size(); ++used) {
        below += base[order[used - 1]];
        level = (amount + below) / static_cast<double>(used);
        if (used == order.size() || level <= base[order[used]]) break;
    }
    std::vector<double> poured(base.size());
    for (std::size_t i = 0; i < base.size(); ++i) poured[i] = std::max(0.0, level - base[i]);
    return poured;
}

}  // namespace

std::vector<std::int32_t> pack(std::span<double const> load, std::vector<std::int32_t> places) {
    std::vector<std::size_t> order(load.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return load[a] > load[b]; });
    std::vector<std::int32_t> bin_of_item(load.size());
    // Least filled first, of equals the first; a full bin does not come back.
    using Bin = std::pair<double, std::size_t>;
    std::priority_queue<Bin, std::vector<Bin>, std::greater<>> open;
    for (std::size_t bin = 0; bin < places.size(); ++bin)
        if (places[bin] > 0) open.push({0, bin});
    for (std::size_t const item : order) {
        MOEWIRE_EXPECT(!open.empty());
        auto const [filled, bin] = open.top();
        open.pop();
        bin_of_item[item] = static_cast<std::int32_t>(bin);
        if (--places[bin] > 0) open.push({filled + load[item], bin});
    }
    return bin_of_item;
}

std::vector<std::int32_t> replicate(std::span<double const> load, std::size_t slots) {
    MOEWIRE_EXPECT(slots >= load.size());
    std::vector<std::int32_t> item_of_slot(load.size());
    std::iota(item_of_slot.begin(), item_of_slot.end(), 0);
    std::vector<double> copies(load.size(), 1), per_copy(load.begin(), load.end());
    while (item_of_slot.size() < slots) {
        auto const most =
            static_cast<std::size_t>(std::max_element(per_copy.begin(), per_copy.end()) - per_copy.begin());
        item_of_slot.push_back(static_cast<std::int32_t>(most));
        per_copy[most] = load[most] / ++copies[most];
    }
    return item_of_slot;
}

std::vector<double> bin_loads(std::span<double const> load, std::span<std::int32_t const> bin_of_item,
                              std::size_t bins) {
    std::vector<double> loads(bins);
    for (std::size_t item = 0; item < load.size(); ++item)
        loads[static_cast<std::size_t>(bin_of_item[item])] += load[item];
    return loads;
}

void level_shares(std::span<double const> load, std::span<PlacedSlot> slots, int ranks) {
    std::vector<std::vector<std::size_t>> slots_of(load.size());
    for (std::size_t s = 0; s < slots.size(); ++s)
        slots_of[static_cast<std::size_t>(slots[s].expert)].push_back(s);
    std::vector<double> amount(slots.size()), rank_load(static_cast<std::size_t>(ranks));
    auto const rank_of = [&](std::size_t s) { return static_cast<std::size_t>(slots[s].rank); };
    for (std::size_t e = 0; e < load.size(); ++e) {
        for (auto const s : slots_of[e]) {
            amount[s] = load[e] / static_cast<double>(slots_of[e].size());
            rank_load[rank_of(s)] += amount[s];
        }
    }
    double const total = std::accumulate(load.begin(), load.end(), 0.0);
    for (int round = 0; round < 200; ++round) {
        double moved = 0;
        for (std::size_t e = 0; e < load.size(); ++e) {
            if (slots_of[e].size() < 2) continue;
            std::vector<double> base;
            for (auto const s : slots_of[e]) base.push_back(rank_load[rank_of(s)] -= amount[s]);
            auto const poured = pour(load[e], base);
            for (std::size_t i = 0; i < poured.size(); ++i) {
                auto const s = slots_of[e][i];
                moved += std::abs(poured[i] - amount[s]);
                rank_load[rank_of(s)] += amount[s] = poured[i];
            }
        }
        if (moved <= 1e-9 * total) break;
    }
    for (std::size_t s = 0; s < slots.size(); ++s) {
        auto const e = static_cast<std::size_t>(slots[s].expert);
        slots[s].share = load[e] > 0 ? amount[s] / load[e] : 1 / static_cast<double>(slots_of[e].size());
    }
}

}  // namespace moewire
