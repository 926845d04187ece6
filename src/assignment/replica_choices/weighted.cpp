// Copies get rows in proportion to the plan's shares. Source: the weighted choice of deepseek-ai/LPLB, with
// whole rows dealt by largest remainder.
#include "assignment/replica_choice.hpp"
#include "base/apportion.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

void choose(CopyRequest const& r, std::span<std::int32_t> slot_of_row) {
    auto const& shares = r.assignment.share_of_slot();
    std::vector<double> weights;
    for (auto const slot : r.copies) weights.push_back(shares.empty() ? 1 : shares(r.layer, slot));
    auto const counts = apportion(static_cast<std::int64_t>(slot_of_row.size()), weights);
    auto next = slot_of_row.begin();
    for (std::size_t copy = 0; copy < counts.size(); ++copy)
        next = std::fill_n(next, counts[copy], r.copies[copy]);
}

bool const registered = register_in<ReplicaChoice>(
    "weighted", "Copies get rows in proportion to the shares that the plan gives them.", {choose});

}  // namespace
}  // namespace moewire
