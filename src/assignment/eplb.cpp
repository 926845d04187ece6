#include "assignment/eplb.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace moewire {
namespace {

// EPLB leaves items where they are when every bin takes one.
std::vector<std::int32_t> packed(std::span<double const> load, std::size_t bins) {
    auto const each = static_cast<std::int32_t>((load.size() + bins - 1) / bins);
    if (load.size() == bins) {
        std::vector<std::int32_t> identity(load.size());
        std::iota(identity.begin(), identity.end(), 0);
        return identity;
    }
    return pack(load, std::vector<std::int32_t>(bins, each));
}

// Experts of every node: groups packed by their load. Shape: [node][expert].
std::vector<std::vector<std::int32_t>> experts_of_nodes(std::span<double const> load, int nodes, int groups) {
    auto const size = load.size() / static_cast<std::size_t>(groups);
    std::vector<double> group_load(static_cast<std::size_t>(groups));
    for (std::size_t e = 0; e < load.size(); ++e) group_load[e / size] += load[e];
    auto const node_of_group = packed(group_load, static_cast<std::size_t>(nodes));
    std::vector<std::vector<std::int32_t>> experts(static_cast<std::size_t>(nodes));
    for (std::size_t g = 0; g < group_load.size(); ++g) {
        for (std::size_t i = 0; i < size; ++i)
            experts[static_cast<std::size_t>(node_of_group[g])].push_back(
                static_cast<std::int32_t>(g * size + i));
    }
    return experts;
}

// Swaps slots between ranks of one node, never so that a rank holds an expert twice.
class Repair {
  public:
    Repair(std::span<double const> load, std::vector<PlacedSlot>& slots, EplbShape const& shape)
        : slots_(slots),
          ranks_per_node_(static_cast<std::size_t>(shape.ranks / shape.nodes)),
          rank_load_(static_cast<std::size_t>(shape.ranks)),
          held_(static_cast<std::size_t>(shape.ranks), load.size()) {
        std::vector<double> copies(load.size());
        for (auto const& slot : slots) ++copies[static_cast<std::size_t>(slot.expert)];
        for (auto const& slot : slots) {
            weight_.push_back(load[static_cast<std::size_t>(slot.expert)] /
                              copies[static_cast<std::size_t>(slot.expert)]);
            rank_load_[rank_of(weight_.size() - 1)] += weight_.back();
            ++held_(slot.rank, slot.expert);
        }
    }

    double worst() const { return *std::max_element(rank_load_.begin(), rank_load_.end()); }

    // True when a doubled slot was swapped away: the swap that leaves the lower of larger loads.
    bool part_copies() {
        for (std::size_t a = 0; a < slots_.size(); ++a) {
            if (held_(slots_[a].rank, slots_[a].expert) < 2) continue;
            double least = std::numeric_limits<double>::infinity();
            if (swap_with_best(a, least)) return true;
        }
        return false;
    }

    // True when a swap lowered the busiest rank without raising another to it.
    bool lower_worst() {
        auto const busiest = static_cast<std::size_t>(std::max_element(rank_load_.begin(), rank_load_.end()) -
                                                      rank_load_.begin());
        double least = rank_load_[busiest] * (1 - 1e-12);
        std::size_t best_a = slots_.size(), best_b = best_a;
        for (std::size_t a = 0; a < slots_.size(); ++a) {
            if (rank_of(a) != busiest) continue;
            auto const b = best_partner(a, least);
            if (b < slots_.size()) best_a = a, best_b = b;
        }
        if (best_a == slots_.size()) return false;
        exchange(best_a, best_b);
        return true;
    }

  private:
    std::size_t rank_of(std::size_t slot) const { return static_cast<std::size_t>(slots_[slot].rank); }

    // The slot to swap with for the lower of larger loads below `least`, which it lowers; or none.
    std::size_t best_partner(std::size_t a, double& least) const {
        std::size_t best = slots_.size();
        auto const ra = rank_of(a);
        for (std::size_t b = 0; b < slots_.size(); ++b) {
            auto const rb = rank_of(b);
            if (ra == rb || ra / ranks_per_node_ != rb / ranks_per_node_) continue;
            if (held_(rb, slots_[a].expert) > 0 || held_(ra, slots_[b].expert) > 0) continue;
            double const gain = weight_[b] - weight_[a];
            double const worse = std::max(rank_load_[ra] + gain, rank_load_[rb] - gain);
            if (worse < least) least = worse, best = b;
        }
        return best;
    }

    bool swap_with_best(std::size_t a, double least) {
        auto const b = best_partner(a, least);
        if (b < slots_.size()) exchange(a, b);
        return b < slots_.size();
    }

    void exchange(std::size_t a, std::size_t b) {
        double const gain = weight_[b] - weight_[a];
        rank_load_[rank_of(a)] += gain;
        rank_load_[rank_of(b)] -= gain;
        for (auto const slot : {a, b}) --held_(slots_[slot].rank, slots_[slot].expert);
        std::swap(slots_[a].rank, slots_[b].rank);
        for (auto const slot : {a, b}) ++held_(slots_[slot].rank, slots_[slot].expert);
    }

    std::vector<PlacedSlot>& slots_;
    std::size_t ranks_per_node_;
    std::vector<double> weight_, rank_load_;  // Shapes: [slot], [rank]
    Grid<std::int32_t, 2> held_;              // Shape: [rank, expert]
};

}  // namespace

std::vector<PlacedSlot> plan_eplb(std::span<double const> load, EplbShape const& shape, Doubles doubles) {
    bool const by_node = shape.groups % shape.nodes == 0 && shape.ranks % shape.nodes == 0 &&
                         load.size() % static_cast<std::size_t>(shape.groups) == 0;
    int const nodes = by_node ? shape.nodes : 1, groups = by_node ? shape.groups : 1;
    int const ranks_per_node = shape.ranks / nodes;
    auto const slots_per_node = static_cast<std::size_t>(ranks_per_node * shape.slots_per_rank);
    std::vector<PlacedSlot> slots;
    auto const experts = experts_of_nodes(load, nodes, groups);
    for (std::size_t node = 0; node < experts.size(); ++node) {
        std::vector<double> node_load;
        for (auto const e : experts[node]) node_load.push_back(load[static_cast<std::size_t>(e)]);
        auto const item_of_slot = replicate(node_load, slots_per_node);
        std::vector<double> copies(node_load.size()), slot_load;
        for (auto const item : item_of_slot) ++copies[static_cast<std::size_t>(item)];
        for (auto const item : item_of_slot) {
            auto const i = static_cast<std::size_t>(item);
            slot_load.push_back(node_load[i] / copies[i]);
        }
        auto const rank_of_slot = packed(slot_load, static_cast<std::size_t>(ranks_per_node));
        for (std::size_t s = 0; s < item_of_slot.size(); ++s) {
            slots.push_back({experts[node][static_cast<std::size_t>(item_of_slot[s])],
                             static_cast<std::int32_t>(node) * ranks_per_node + rank_of_slot[s]});
        }
    }
    if (doubles == Doubles::kept) return slots;
    Repair repair(load, slots, {shape.ranks, nodes, groups, shape.slots_per_rank});
    double const published = repair.worst();
    // Every swap removes a double and makes none, so there are at most as many as slots.
    while (repair.part_copies()) {
    }
    // What parting raised is lowered again, as far as swaps can; each lowers some rank, so this ends.
    while (repair.worst() > published * (1 + 1e-12) && repair.lower_worst()) {
    }
    return slots;
}

}  // namespace moewire
