#include "report/ranking.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/random.hpp"
#include "base/statistics.hpp"

namespace moewire {
namespace {

constexpr int resamples = 1000;

// Median of some iterations of one case. `buffer` saves allocations.
double resampled_median(std::vector<double> const& samples, std::vector<std::size_t> const& chosen,
                        std::vector<double>& buffer) {
    buffer.clear();
    for (auto const i : chosen) buffer.push_back(samples[i]);
    auto const middle = buffer.begin() + static_cast<std::ptrdiff_t>(buffer.size() / 2);
    std::nth_element(buffer.begin(), middle, buffer.end());
    return *middle;
}

void set_chances_among(std::vector<CaseSummary*> const& ranked) {
    auto const n = ranked.front()->charged_s.size();
    Random random(0, "resampled iterations");
    std::vector<std::size_t> chosen(n);
    std::vector<double> buffer;
    std::vector<int> led(ranked.size());
    for (int r = 0; r < resamples; ++r) {
        for (auto& i : chosen) i = static_cast<std::size_t>(random.below(n));
        std::size_t best = 0;
        double least = 0;
        for (std::size_t c = 0; c < ranked.size(); ++c) {
            double const median_s = resampled_median(ranked[c]->charged_s, chosen, buffer);
            if (c == 0 || median_s < least) best = c, least = median_s;
        }
        ++led[best];
    }
    for (std::size_t c = 0; c < ranked.size(); ++c)
        ranked[c]->chance_of_fastest = static_cast<double>(led[c]) / resamples;
}

}  // namespace

void set_chances(std::vector<CaseSummary>& cases) {
    std::map<std::pair<std::string, std::string>, std::vector<CaseSummary*>> rivals;
    for (auto& one : cases) {
        if (one.measured() && !one.is_bound) rivals[{one.policy, one.payload}].push_back(&one);
    }
    for (auto const& [choice, ranked] : rivals) set_chances_among(ranked);
}

std::vector<PlanMatrix> plan_matrices(std::vector<Group> const& groups) {
    std::map<std::tuple<std::string, std::string, std::string>, std::set<std::pair<std::string, std::string>>>
        texts;  // (plan, test) of each strategy
    for (auto const& group : groups) {
        auto const* const baseline = group.baseline();
        for (auto const& one : group.cases) {
            if (baseline == nullptr || !one.measured() || !one.is_usual() || &one == baseline ||
                &one == group.twin())
                continue;
            texts[{group.mode, group.model, one.strategy}].insert({group.plan_dataset, group.dataset});
        }
    }
    std::vector<PlanMatrix> matrices;
    for (auto const& [key, pairs] : texts) {
        bool const crossed =
            std::any_of(pairs.begin(), pairs.end(), [](auto const& p) { return p.first != p.second; });
        if (!crossed) continue;
        PlanMatrix matrix;
        std::tie(matrix.mode, matrix.model, matrix.strategy) = key;
        std::set<std::string> plan_texts, test_texts;
        for (auto const& [plan, test] : pairs) plan_texts.insert(plan), test_texts.insert(test);
        matrix.plan_texts.assign(plan_texts.begin(), plan_texts.end());
        matrix.test_texts.assign(test_texts.begin(), test_texts.end());
        matrix.cells.assign(matrix.plan_texts.size(),
                            std::vector<PlanMatrix::Cell>(matrix.test_texts.size()));
        for (auto const& group : groups) {
            if (group.mode != matrix.mode || group.model != matrix.model) continue;
            auto const* const one = group.find(matrix.strategy, "native", "per_expert");
            auto const* const baseline = group.baseline();
            if (one == nullptr || baseline == nullptr) continue;
            auto const at = [](std::vector<std::string> const& names, std::string const& name) {
                return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
            };
            matrix.cells[at(matrix.plan_texts, group.plan_dataset)][at(matrix.test_texts, group.dataset)] = {
                compare(one->charged_s, baseline->charged_s), one->rank_max_over_mean, true};
        }
        matrices.push_back(std::move(matrix));
    }
    return matrices;
}

}  // namespace moewire
