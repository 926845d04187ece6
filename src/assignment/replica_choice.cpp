#include "assignment/replica_choice.hpp"

#include <algorithm>

#include "base/registry.hpp"

namespace moewire {
namespace {

ReplicaChoice const& choice_of(Assignment const& assignment) {
    return Registry<ReplicaChoice>::instance().at(assignment.rule().choice).value;
}

// Rows of each expert, where it has several copies; others stay empty.
std::vector<std::vector<std::size_t>> rows_of_replicated(Assignment const& assignment, LayerId layer,
                                                         std::span<std::int32_t const> picks) {
    std::vector<std::vector<std::size_t>> rows(static_cast<std::size_t>(assignment.experts()));
    for (std::size_t row = 0; row < picks.size(); ++row) {
        if (picks[row] != no_pick && assignment.copies_of(layer, ExpertId{picks[row]}).size() > 1)
            rows[static_cast<std::size_t>(picks[row])].push_back(row);
    }
    return rows;
}

}  // namespace

std::vector<std::int32_t> choose_slots(Assignment const& assignment, LayerId layer, RankId source,
                                       std::span<std::int32_t const> picks) {
    std::vector<std::int32_t> slots(picks.size(), no_slot);
    for (std::size_t row = 0; row < picks.size(); ++row) {
        if (picks[row] != no_pick) slots[row] = assignment.copies_of(layer, ExpertId{picks[row]}).front();
    }
    if (!assignment.has_replicas()) return slots;
    auto const& choose = choice_of(assignment).choose;
    auto const rows = rows_of_replicated(assignment, layer, picks);
    for (ExpertId const expert : ids<ExpertId>(assignment.experts())) {
        auto const& mine = rows[index_of(expert)];
        if (mine.empty()) continue;
        std::vector<std::int32_t> chosen(mine.size());
        choose({assignment, layer, source, expert, assignment.copies_of(layer, expert)}, chosen);
        for (std::size_t i = 0; i < mine.size(); ++i) slots[mine[i]] = chosen[i];
    }
    return slots;
}

std::vector<std::int64_t> split_rows(Assignment const& assignment, LayerId layer, RankId source,
                                     ExpertId expert, std::int64_t rows) {
    auto const copies = assignment.copies_of(layer, expert);
    if (copies.size() == 1) return {rows};
    std::vector<std::int32_t> chosen(static_cast<std::size_t>(rows));
    choice_of(assignment).choose({assignment, layer, source, expert, copies}, chosen);
    std::vector<std::int64_t> counts(copies.size());
    for (auto const slot : chosen) {
        ++counts[static_cast<std::size_t>(std::lower_bound(copies.begin(), copies.end(), slot) -
                                          copies.begin())];
    }
    return counts;
}

}  // namespace moewire
