// Which rank holds which expert? Slots: a slot is one copy of one expert on one rank.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/grid.hpp"

namespace moewire {

// Immutable plan for all layers. Slots of a layer are ordered by rank, then by expert, so that every rank's
// slots are contiguous. Ranks may hold unequal numbers of slots.
class Assignment {
  public:
    Assignment() = default;

    // Both Shape: [layer, slot]. Sorts the slots.
    // Throws: usage (source "assignment"), when an expert has no slot, a rank holds none, or an id is out of
    // range.
    Assignment(Grid<std::int32_t, 2> expert_of_slot, Grid<std::int32_t, 2> rank_of_slot, std::int32_t experts,
               int ranks);

    // One copy of each expert. Shape: [layer, expert], values are ranks.
    static Assignment from_expert_ranks(Grid<std::int32_t, 2> const& rank_of_expert, int ranks);

    std::size_t layers() const { return expert_of_slot_.extent(0); }
    std::size_t slots() const { return expert_of_slot_.extent(1); }
    std::int32_t experts() const { return experts_; }
    int ranks() const { return ranks_; }
    bool has_replicas() const { return slots() > static_cast<std::size_t>(experts_); }

    ExpertId expert_of(LayerId layer, SlotId slot) const { return ExpertId{expert_of_slot_(layer, slot)}; }
    RankId rank_of(LayerId layer, SlotId slot) const { return RankId{rank_of_slot_(layer, slot)}; }
    Grid<std::int32_t, 2> const& expert_of_slot() const { return expert_of_slot_; }
    Grid<std::int32_t, 2> const& rank_of_slot() const { return rank_of_slot_; }

    // The first slot of a rank, and one past its last.
    SlotId first_slot(LayerId layer, RankId rank) const { return SlotId{first_slot_(layer, rank)}; }
    SlotId end_slot(LayerId layer, RankId rank) const {
        return SlotId{first_slot_(layer, index_of(rank) + 1)};
    }
    std::size_t slots_on(LayerId layer, RankId rank) const {
        return index_of(end_slot(layer, rank)) - index_of(first_slot(layer, rank));
    }
    std::vector<ExpertId> experts_on(LayerId layer, RankId rank) const;

    // The slot of an expert's only copy. Throws: contract, when it has several.
    SlotId slot_of(LayerId layer, ExpertId expert) const { return SlotId{slot_of_expert_(layer, expert)}; }

    // Equal digests, equal plans.
    std::string digest() const;

    friend bool operator==(Assignment const& a, Assignment const& b) {
        return a.expert_of_slot_ == b.expert_of_slot_ && a.rank_of_slot_ == b.rank_of_slot_;
    }

  private:
    void sort_slots();
    void index_slots();

    std::int32_t experts_ = 0;
    int ranks_ = 0;
    Grid<std::int32_t, 2> expert_of_slot_;  // Shape: [layer, slot]
    Grid<std::int32_t, 2> rank_of_slot_;    // Shape: [layer, slot]
    Grid<std::int32_t, 2> first_slot_;      // Shape: [layer, rank + 1]
    Grid<std::int32_t, 2> slot_of_expert_;  // Shape: [layer, expert]; the first copy
};

// Expert copies of `to` that their rank does not hold in `from`: what a change of plan must move, in experts.
std::int64_t moved_experts(Assignment const& from, Assignment const& to);

}  // namespace moewire
