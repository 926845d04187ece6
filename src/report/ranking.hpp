// How sure is the order of the cases? Resampled iterations, and plans on texts that they were not made from.
#pragma once

#include <string>
#include <vector>

#include "report/summary.hpp"

namespace moewire {

// Sets `chance_of_fastest` of every measured case that is no bound, among the strategies of its policy and
// payload: in how many of 1,000 resamples of the paired iterations its median is the least. They sum to 1.
// Source: bootstrap of the argmin, seeded.
void set_chances(std::vector<CaseSummary>& cases);

// One strategy in one mode: what plans made from one text do on another.
struct PlanMatrix {
    std::string model, mode, strategy;
    std::vector<std::string> plan_texts, test_texts;
    struct Cell {
        Comparison against_contiguous;
        double rank_max_over_mean = 0;
        bool is_measured = false;
    };
    std::vector<std::vector<Cell>> cells;  // Shape: [plan text][test text]
};

// Every strategy that was planned on more than one text. Empty where no plan ran on another text.
std::vector<PlanMatrix> plan_matrices(std::vector<Group> const& groups);

}  // namespace moewire
