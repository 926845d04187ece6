#include "assignment/assignment.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/error.hpp"

namespace moewire {
namespace {

void check_range(std::int32_t value, std::int32_t end, char const* what) {
    if (value >= 0 && value < end) return;
    throw input_error(
        "assignment",
        fmt::format("a slot names {} {} (only 0 to {} exist); the plan is damaged", what, value, end - 1));
}

}  // namespace

Assignment::Assignment(Grid<std::int32_t, 2> expert_of_slot, Grid<std::int32_t, 2> rank_of_slot,
                       std::int32_t experts, int ranks, ReplicaRule rule, Grid<double, 2> share_of_slot)
    : experts_(experts),
      ranks_(ranks),
      expert_of_slot_(std::move(expert_of_slot)),
      rank_of_slot_(std::move(rank_of_slot)),
      share_of_slot_(std::move(share_of_slot)),
      rule_(std::move(rule)),
      first_slot_(expert_of_slot_.extent(0), static_cast<std::size_t>(ranks) + 1),
      first_copy_(expert_of_slot_.extent(0), static_cast<std::size_t>(experts) + 1),
      copies_(expert_of_slot_.shape()) {
    if (share_of_slot_.empty()) share_of_slot_ = {};  // of no shape, so that equal plans compare equal
    if (expert_of_slot_.shape() != rank_of_slot_.shape() ||
        (!share_of_slot_.empty() && share_of_slot_.shape() != rank_of_slot_.shape())) {
        throw input_error("assignment", "the plan's tables differ in shape; the plan is damaged");
    }
    for (std::size_t i = 0; i < expert_of_slot_.size(); ++i) {
        if (expert_of_slot_.values()[i] == no_slot && rank_of_slot_.values()[i] == no_slot) continue;
        check_range(expert_of_slot_.values()[i], experts_, "expert");
        check_range(rank_of_slot_.values()[i], ranks_, "rank");
    }
    sort_slots();
    index_slots();
}

Assignment Assignment::from_expert_ranks(Grid<std::int32_t, 2> const& rank_of_expert, int ranks) {
    Grid<std::int32_t, 2> experts(rank_of_expert.shape());
    for (std::size_t layer = 0; layer < experts.extent(0); ++layer) {
        auto const row = experts.row(layer);
        std::iota(row.begin(), row.end(), 0);
    }
    return {std::move(experts), rank_of_expert, static_cast<std::int32_t>(rank_of_expert.extent(1)), ranks};
}

Assignment Assignment::from_slots(std::vector<std::vector<PlacedSlot>> const& slots, std::int32_t experts,
                                  int ranks, ReplicaRule rule) {
    std::size_t most = 0;
    for (auto const& layer : slots) most = std::max(most, layer.size());
    Grid<std::int32_t, 2> expert_of_slot(slots.size(), most), rank_of_slot(slots.size(), most);
    Grid<double, 2> share(rule.choice == "weighted" ? slots.size() : 0, most);
    std::fill(expert_of_slot.values().begin(), expert_of_slot.values().end(), no_slot);
    std::fill(rank_of_slot.values().begin(), rank_of_slot.values().end(), no_slot);
    for (std::size_t layer = 0; layer < slots.size(); ++layer) {
        for (std::size_t s = 0; s < slots[layer].size(); ++s) {
            expert_of_slot(layer, s) = slots[layer][s].expert;
            rank_of_slot(layer, s) = slots[layer][s].rank;
            if (!share.empty()) share(layer, s) = slots[layer][s].share;
        }
    }
    return {std::move(expert_of_slot), std::move(rank_of_slot), experts, ranks,
            std::move(rule),           std::move(share)};
}

void Assignment::sort_slots() {
    std::vector<std::size_t> order(slots());
    for (std::size_t layer = 0; layer < layers(); ++layer) {
        std::vector<std::int32_t> const experts(expert_of_slot_.row(layer).begin(),
                                                expert_of_slot_.row(layer).end()),
            ranks(rank_of_slot_.row(layer).begin(), rank_of_slot_.row(layer).end());
        std::iota(order.begin(), order.end(), std::size_t{0});
        auto const place = [&](std::size_t slot) {
            return std::tuple(ranks[slot] == no_slot, ranks[slot], experts[slot]);
        };
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return place(a) < place(b); });
        std::vector<double> shares;
        if (!share_of_slot_.empty())
            shares.assign(share_of_slot_.row(layer).begin(), share_of_slot_.row(layer).end());
        for (std::size_t slot = 0; slot < slots(); ++slot) {
            rank_of_slot_(layer, slot) = ranks[order[slot]];
            expert_of_slot_(layer, slot) = experts[order[slot]];
            if (!shares.empty()) share_of_slot_(layer, slot) = shares[order[slot]];
        }
    }
}

void Assignment::index_slots() {
    for (std::size_t layer = 0; layer < layers(); ++layer) {
        auto const starts = first_slot_.row(layer), copies = first_copy_.row(layer);
        for (std::size_t slot = 0; slot < slots(); ++slot) {
            if (expert_of_slot_(layer, slot) == no_slot) continue;
            ++starts[static_cast<std::size_t>(rank_of_slot_(layer, slot)) + 1];
            ++copies[static_cast<std::size_t>(expert_of_slot_(layer, slot)) + 1];
        }
        for (int rank = 0; rank < ranks_; ++rank) {
            if (starts[static_cast<std::size_t>(rank) + 1] > 0) continue;
            throw input_error("assignment",
                              fmt::format("rank {} would hold no expert ({} experts on {} ranks); use at "
                                          "most {} ranks",
                                          rank, experts_, ranks_, experts_));
        }
        for (std::int32_t expert = 0; expert < experts_; ++expert) {
            auto const count = copies[static_cast<std::size_t>(expert) + 1];
            has_replicas_ = has_replicas_ || count > 1;
            if (count > 0) continue;
            throw input_error("assignment",
                              fmt::format("expert {} of layer {} has no slot (its tokens could go "
                                          "nowhere); the plan is damaged",
                                          expert, layer));
        }
        std::partial_sum(starts.begin(), starts.end(), starts.begin());
        std::partial_sum(copies.begin(), copies.end(), copies.begin());
        std::vector<std::int32_t> next(copies.begin(), copies.end() - 1);
        for (std::size_t slot = 0; slot < slots(); ++slot) {
            auto const expert = expert_of_slot_(layer, slot);
            if (expert != no_slot)
                copies_(layer, next[static_cast<std::size_t>(expert)]++) = static_cast<std::int32_t>(slot);
        }
    }
}

bool Assignment::holds(LayerId layer, RankId rank, ExpertId expert) const {
    auto const copies = copies_of(layer, expert);
    return std::any_of(copies.begin(), copies.end(),
                       [&](std::int32_t slot) { return rank_of(layer, SlotId{slot}) == rank; });
}

Assignment Assignment::slice(std::size_t first_layer, std::size_t count) const {
    auto const cut = [&](auto const& grid) {
        auto const begin = grid.values().begin() + static_cast<std::ptrdiff_t>(first_layer * slots());
        return std::decay_t<decltype(grid)>(std::array{count, slots()},
                                            {begin, begin + static_cast<std::ptrdiff_t>(count * slots())});
    };
    return {cut(expert_of_slot_),
            cut(rank_of_slot_),
            experts_,
            ranks_,
            rule_,
            share_of_slot_.empty() ? share_of_slot_ : cut(share_of_slot_)};
}

Assignment Assignment::repeated(std::size_t times) const {
    auto const repeat = [&](auto const& grid) {
        std::decay_t<decltype(grid)> all(times * grid.extent(0), grid.extent(1));
        for (std::size_t i = 0; i < times; ++i)
            std::copy(grid.values().begin(), grid.values().end(),
                      all.values().begin() + static_cast<std::ptrdiff_t>(i * grid.size()));
        return all;
    };
    return {repeat(expert_of_slot_),
            repeat(rank_of_slot_),
            experts_,
            ranks_,
            rule_,
            share_of_slot_.empty() ? share_of_slot_ : repeat(share_of_slot_)};
}

std::vector<ExpertId> Assignment::experts_on(LayerId layer, RankId rank) const {
    std::vector<ExpertId> held;
    for (auto slot = index_of(first_slot(layer, rank)); slot < index_of(end_slot(layer, rank)); ++slot) {
        held.push_back(ExpertId{expert_of_slot_(layer, slot)});
    }
    return held;
}

std::string Assignment::digest() const {
    Digest digest;
    digest.update(fmt::format("{} {} {} {};", layers(), slots(), experts_, ranks_));
    digest.update(expert_of_slot_.values());
    digest.update(rank_of_slot_.values());
    if (has_replicas_) {
        digest.update(fmt::format("{} {};", rule_.choice, rule_.seed));
        digest.update(rule_.node_of_rank);
        digest.update(share_of_slot_.values());
    }
    return digest.hex();
}

Assignment concatenate(std::vector<Assignment> const& plans) {
    std::vector<std::vector<PlacedSlot>> slots;
    for (auto const& plan : plans) {
        for (std::size_t layer = 0; layer < plan.layers(); ++layer) {
            auto& of_layer = slots.emplace_back();
            for (std::size_t s = 0; s < plan.slots(); ++s) {
                if (plan.expert_of_slot()(layer, s) == no_slot) continue;
                of_layer.push_back({plan.expert_of_slot()(layer, s), plan.rank_of_slot()(layer, s),
                                    plan.share_of_slot().empty() ? 1 : plan.share_of_slot()(layer, s)});
            }
        }
    }
    auto const& first = plans.front();
    return Assignment::from_slots(slots, first.experts(), first.ranks(), first.rule());
}

}  // namespace moewire
