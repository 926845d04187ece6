// The least possible maximum load under equal cardinality, by branch and bound: experts by falling load, each
// tried on every rank that could still matter. A budget of tried nodes, not of time, ends hopeless searches,
// so that the plan is the same on every machine; the gap to the lower bound is then stated.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "assignment/packing.hpp"
#include "assignment/strategy.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

class Search {
  public:
    Search(std::vector<double> const& load, std::vector<std::int32_t> places, std::int64_t budget)
        : load_(load), free_(std::move(places)), filled_(free_.size()), budget_(budget), order_(load.size()) {
        best_ = pack(load, free_);
        auto const loads = bin_loads(load, best_, free_.size());
        least_ = *std::max_element(loads.begin(), loads.end());
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::stable_sort(order_.begin(), order_.end(),
                         [&](std::size_t a, std::size_t b) { return load_[a] > load_[b]; });
        bound_ = lower_bound();
        current_.resize(load.size());
        for (auto const item : order_) rest_ += load_[item];
        if (least_ > bound_) place(0);
    }

    std::vector<std::int32_t> const& ranks() const { return best_; }
    // How far the result may be from the optimum; 0: proven.
    double gap() const { return exhausted_ && least_ > bound_ ? least_ / bound_ - 1 : 0; }

  private:
    // No plan can beat the mean, the heaviest expert, or the heaviest with the lightest that must join it.
    double lower_bound() const {
        double const total = std::accumulate(load_.begin(), load_.end(), 0.0);
        double bound = std::ceil(total / static_cast<double>(free_.size()));
        auto const fewest = static_cast<std::size_t>(*std::min_element(free_.begin(), free_.end()));
        double heaviest = load_[order_.front()];
        for (std::size_t i = 0; i + 1 < fewest; ++i) heaviest += load_[order_[order_.size() - 1 - i]];
        return std::max(bound, heaviest);
    }

    // Loads are whole: to be better is to be less by one.
    bool can_improve() const {
        double room = 0;
        for (std::size_t r = 0; r < free_.size(); ++r) {
            if (free_[r] > 0) room += least_ - 1 - filled_[r];
        }
        return room >= rest_;
    }

    bool same_as_earlier(std::size_t rank) const {
        for (std::size_t r = 0; r < rank; ++r) {
            if (free_[r] == free_[rank] && filled_[r] == filled_[rank]) return true;
        }
        return false;
    }

    void place(std::size_t depth) {
        if (depth == order_.size()) {
            least_ = *std::max_element(filled_.begin(), filled_.end());
            best_ = current_;
            return;
        }
        auto const item = order_[depth];
        // The emptiest rank first finds good plans early.
        std::vector<std::size_t> ranks(free_.size());
        std::iota(ranks.begin(), ranks.end(), std::size_t{0});
        std::stable_sort(ranks.begin(), ranks.end(),
                         [&](std::size_t a, std::size_t b) { return filled_[a] < filled_[b]; });
        for (auto const rank : ranks) {
            if (free_[rank] == 0 || filled_[rank] + load_[item] >= least_ || same_as_earlier(rank)) continue;
            if (--budget_ < 0) {
                exhausted_ = true;
                return;
            }
            --free_[rank], filled_[rank] += load_[item], rest_ -= load_[item];
            current_[item] = static_cast<std::int32_t>(rank);
            if (can_improve()) place(depth + 1);
            ++free_[rank], filled_[rank] -= load_[item], rest_ += load_[item];
            if (exhausted_ || least_ <= bound_) return;
        }
    }

    std::vector<double> const& load_;
    std::vector<std::int32_t> free_;
    std::vector<double> filled_;
    std::int64_t budget_;
    std::vector<std::size_t> order_;
    std::vector<std::int32_t> best_, current_;
    double least_ = 0, bound_ = 0, rest_ = 0;
    bool exhausted_ = false;
};

Planned plan(PlanRequest const& request) {
    auto const capacities = even_capacities(request.demand.experts(), request.ranks);
    Grid<std::int32_t, 2> ranks(request.demand.layers(), static_cast<std::size_t>(request.demand.experts()));
    double worst_gap = 0;
    for (LayerId const layer : ids<LayerId>(request.demand.layers())) {
        auto const load = load_of(request.demand, layer);
        Search const search(load, capacities, request.settings.whole("nodes"));
        std::copy(search.ranks().begin(), search.ranks().end(), ranks.row(layer).begin());
        worst_gap = std::max(worst_gap, search.gap());
    }
    return {Assignment::from_expert_ranks(ranks, request.ranks), {{"gap_to_lower_bound", worst_gap}}};
}

bool const registered = register_in<Strategy>(
    "exact_pack", "The least possible maximum load under equal cardinality, proven by branch and bound.",
    {.family = Family::placement,
     .settings = {whole_setting("nodes", 1000000, 1, 1000000000, "Nodes to try in a layer before giving up")},
     .plan = plan});

}  // namespace
}  // namespace moewire
