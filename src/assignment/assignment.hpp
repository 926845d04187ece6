// Which rank holds which expert? Slots: a slot is one copy of one expert on one rank.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/grid.hpp"

namespace moewire {

// A slot that a layer does not use: its expert and its rank. Layers may use unequal numbers of slots.
inline constexpr std::int32_t no_slot = -1;

// Which copy of an expert a row goes to, where there are several: a name in replica_choices/ and what it
// needs.
struct ReplicaRule {
    std::string choice = "round_robin";
    std::uint64_t seed = 0;
    std::vector<std::int32_t> node_of_rank;  // empty: all ranks on one node
    friend bool operator==(ReplicaRule const&, ReplicaRule const&) = default;
};

// One copy of one expert, and the part of the expert's rows that it should get.
struct PlacedSlot {
    std::int32_t expert = 0, rank = 0;
    double share = 1;
};

// Immutable plan for all layers. Slots of a layer are ordered by rank, then by expert, so that every rank's
// slots are contiguous; unused ones come last. Ranks may hold unequal numbers of slots.
class Assignment {
  public:
    Assignment() = default;

    // All Shape: [layer, slot]; `share_of_slot` may be empty, else it says which part of its expert's rows a
    // slot should get (choice `weighted`). Sorts the slots.
    // Throws: usage (source "assignment"), when an expert has no slot, a rank holds none, or an id is out of
    // range.
    Assignment(Grid<std::int32_t, 2> expert_of_slot, Grid<std::int32_t, 2> rank_of_slot, std::int32_t experts,
               int ranks, ReplicaRule rule = {}, Grid<double, 2> share_of_slot = {});

    // One copy of each expert. Shape: [layer, expert], values are ranks.
    static Assignment from_expert_ranks(Grid<std::int32_t, 2> const& rank_of_expert, int ranks);

    // Shape: [layer][slot]. Layers may differ in slots; shares are kept with the choice `weighted` alone.
    static Assignment from_slots(std::vector<std::vector<PlacedSlot>> const& slots, std::int32_t experts,
                                 int ranks, ReplicaRule rule);

    std::size_t layers() const { return expert_of_slot_.extent(0); }
    std::size_t slots() const { return expert_of_slot_.extent(1); }
    std::int32_t experts() const { return experts_; }
    int ranks() const { return ranks_; }
    // Does any expert of any layer have several copies?
    bool has_replicas() const { return has_replicas_; }

    ExpertId expert_of(LayerId layer, SlotId slot) const { return ExpertId{expert_of_slot_(layer, slot)}; }
    RankId rank_of(LayerId layer, SlotId slot) const { return RankId{rank_of_slot_(layer, slot)}; }
    Grid<std::int32_t, 2> const& expert_of_slot() const { return expert_of_slot_; }
    Grid<std::int32_t, 2> const& rank_of_slot() const { return rank_of_slot_; }
    Grid<double, 2> const& share_of_slot() const { return share_of_slot_; }  // may be empty
    ReplicaRule const& rule() const { return rule_; }

    // The first slot of a rank, and one past its last.
    SlotId first_slot(LayerId layer, RankId rank) const { return SlotId{first_slot_(layer, rank)}; }
    SlotId end_slot(LayerId layer, RankId rank) const {
        return SlotId{first_slot_(layer, index_of(rank) + 1)};
    }
    std::size_t slots_on(LayerId layer, RankId rank) const {
        return index_of(end_slot(layer, rank)) - index_of(first_slot(layer, rank));
    }
    std::vector<ExpertId> experts_on(LayerId layer, RankId rank) const;

    // The slots of an expert's copies, ascending; at least one.
    std::span<std::int32_t const> copies_of(LayerId layer, ExpertId expert) const {
        auto const begin = static_cast<std::size_t>(first_copy_(layer, expert));
        auto const end = static_cast<std::size_t>(first_copy_(layer, index_of(expert) + 1));
        return copies_.row(layer).subspan(begin, end - begin);
    }
    // Does the rank hold a copy?
    bool holds(LayerId layer, RankId rank, ExpertId expert) const;

    // Layers first .. first + count - 1 as a plan of their own.
    Assignment slice(std::size_t first_layer, std::size_t count) const;

    // This plan `times` times over, one after another.
    Assignment repeated(std::size_t times) const;

    // Equal digests, equal plans.
    std::string digest() const;

    friend bool operator==(Assignment const& a, Assignment const& b) {
        return a.expert_of_slot_ == b.expert_of_slot_ && a.rank_of_slot_ == b.rank_of_slot_ &&
               a.share_of_slot_ == b.share_of_slot_ && a.rule_ == b.rule_;
    }

  private:
    void sort_slots();
    void index_slots();

    std::int32_t experts_ = 0;
    int ranks_ = 0;
    bool has_replicas_ = false;
    Grid<std::int32_t, 2> expert_of_slot_;  // Shape: [layer, slot]
    Grid<std::int32_t, 2> rank_of_slot_;    // Shape: [layer, slot]
    Grid<double, 2> share_of_slot_;         // Shape: [layer, slot], or empty
    ReplicaRule rule_;
    Grid<std::int32_t, 2> first_slot_;  // Shape: [layer, rank + 1]
    Grid<std::int32_t, 2> first_copy_;  // Shape: [layer, expert + 1]
    Grid<std::int32_t, 2> copies_;      // Shape: [layer, slot]; slots by expert, ascending
};

// Plans one after another: a plan of several batches. All of one shape but for slots, with one rule.
Assignment concatenate(std::vector<Assignment> const& plans);

}  // namespace moewire
