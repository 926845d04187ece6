#include "assignment/assignment.hpp"

#include <algorithm>
#include <numeric>

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
                       std::int32_t experts, int ranks)
    : experts_(experts),
      ranks_(ranks),
      expert_of_slot_(std::move(expert_of_slot)),
      rank_of_slot_(std::move(rank_of_slot)),
      first_slot_(expert_of_slot_.extent(0), static_cast<std::size_t>(ranks) + 1),
      slot_of_expert_(expert_of_slot_.extent(0), static_cast<std::size_t>(experts)) {
    if (expert_of_slot_.shape() != rank_of_slot_.shape()) {
        throw input_error("assignment", "the plan's two tables differ in shape; the plan is damaged");
    }
    for (auto const expert : expert_of_slot_.values()) check_range(expert, experts_, "expert");
    for (auto const rank : rank_of_slot_.values()) check_range(rank, ranks_, "rank");
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

void Assignment::sort_slots() {
    for (std::size_t layer = 0; layer < layers(); ++layer) {
        std::vector<std::pair<std::int32_t, std::int32_t>> order;  // rank, expert
        for (std::size_t slot = 0; slot < slots(); ++slot) {
            order.emplace_back(rank_of_slot_(layer, slot), expert_of_slot_(layer, slot));
        }
        std::sort(order.begin(), order.end());
        for (std::size_t slot = 0; slot < slots(); ++slot) {
            rank_of_slot_(layer, slot) = order[slot].first;
            expert_of_slot_(layer, slot) = order[slot].second;
        }
    }
}

void Assignment::index_slots() {
    std::fill(slot_of_expert_.values().begin(), slot_of_expert_.values().end(), -1);
    for (std::size_t layer = 0; layer < layers(); ++layer) {
        for (std::size_t slot = slots(); slot-- > 0;) {
            slot_of_expert_(layer, expert_of_slot_(layer, slot)) = static_cast<std::int32_t>(slot);
            ++first_slot_(layer, rank_of_slot_(layer, slot) + 1);
        }
        auto const starts = first_slot_.row(layer);
        for (int rank = 0; rank < ranks_; ++rank) {
            if (starts[static_cast<std::size_t>(rank) + 1] > 0) continue;
            throw input_error("assignment",
                              fmt::format("rank {} would hold no expert ({} experts on {} ranks); use at "
                                          "most {} ranks",
                                          rank, experts_, ranks_, experts_));
        }
        std::partial_sum(starts.begin(), starts.end(), starts.begin());
        for (std::int32_t expert = 0; expert < experts_; ++expert) {
            if (slot_of_expert_(layer, expert) >= 0) continue;
            throw input_error("assignment",
                              fmt::format("expert {} of layer {} has no slot (its tokens could go "
                                          "nowhere); the plan is damaged",
                                          expert, layer));
        }
    }
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
    return digest.hex();
}

std::int64_t moved_experts(Assignment const& from, Assignment const& to) {
    std::int64_t moved = 0;
    for (LayerId const layer : ids<LayerId>(to.layers())) {
        for (RankId const rank : ids<RankId>(to.ranks())) {
            auto const had = from.experts_on(layer, rank);
            for (ExpertId const expert : to.experts_on(layer, rank)) {
                moved += std::binary_search(had.begin(), had.end(), expert) ? 0 : 1;
            }
        }
    }
    return moved;
}

}  // namespace moewire
