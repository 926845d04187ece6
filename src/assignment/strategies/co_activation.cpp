// Experts that tokens choose together share a rank, so that a token needs fewer rank copies (payload
// `per_rank` then sends fewer rows). Greedy seeds, then swaps while a swap brings more pairs together; no
// swap may push a rank's load beyond `max_load` times the mean. Source: the grouping idea of GRACE-MoE (arXiv
// 2509.25041); swaps as in Kernighan and Lin 1970.
#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "assignment/packing.hpp"
#include "assignment/strategy.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

class Grouping {
  public:
    Grouping(std::vector<double> load, std::vector<double> pairs, std::vector<std::int32_t> places,
             double max_load)
        : load_(std::move(load)),
          pairs_(std::move(pairs)),
          free_(std::move(places)),
          rank_(load_.size(), -1) {
        double const mean =
            std::accumulate(load_.begin(), load_.end(), 0.0) / static_cast<double>(free_.size());
        limit_ = max_load * mean;
        filled_.resize(free_.size());
        for (std::size_t rank = 0; rank < free_.size(); ++rank) fill(rank);
        attraction_.assign(load_.size() * free_.size(), 0);
        for (std::size_t e = 0; e < load_.size(); ++e) {
            for (std::size_t f = 0; f < load_.size(); ++f) attraction(e, rank_of(f)) += pair(e, f);
        }
        // Every swap takes something off the busiest rank; the count keeps rounding from going in circles.
        std::size_t swaps = 0;
        while (swaps < 64 * load_.size() && relieve()) ++swaps;
        while (swap_best()) {
        }
    }

    std::vector<std::int32_t> const& ranks() const { return rank_; }

  private:
    double pair(std::size_t a, std::size_t b) const { return pairs_[a * load_.size() + b]; }
    std::size_t rank_of(std::size_t e) const { return static_cast<std::size_t>(rank_[e]); }
    double& attraction(std::size_t e, std::size_t rank) { return attraction_[e * free_.size() + rank]; }

    // The heaviest expert that is left, then always the one that its rank's experts meet most.
    void fill(std::size_t rank) {
        std::vector<double> met(load_.size());
        for (bool first = true; free_[rank] > 0; first = false) {
            std::size_t best = load_.size();
            for (std::size_t e = 0; e < load_.size(); ++e) {
                if (rank_[e] >= 0) continue;
                auto const value = [&](std::size_t x) { return first ? load_[x] : met[x]; };
                if (best == load_.size() || value(e) > value(best)) best = e;
            }
            rank_[best] = static_cast<std::int32_t>(rank);
            filled_[rank] += load_[best];
            --free_[rank];
            for (std::size_t e = 0; e < load_.size(); ++e) met[e] += pair(best, e);
        }
    }

    double gain_of(std::size_t a, std::size_t b) {
        auto const ra = rank_of(a), rb = rank_of(b);
        return attraction(a, rb) + attraction(b, ra) - attraction(a, ra) - attraction(b, rb) - 2 * pair(a, b);
    }

    // While a rank has more than it may: the swap that costs the fewest pairs for each token that it takes
    // off.
    bool relieve() {
        auto const busiest =
            static_cast<std::size_t>(std::max_element(filled_.begin(), filled_.end()) - filled_.begin());
        double const surplus = filled_[busiest] - limit_;
        if (surplus <= 0) return false;
        std::pair<double, double> best{-std::numeric_limits<double>::infinity(), 0};  // price, relief
        std::size_t best_a = load_.size(), best_b = 0;
        for (std::size_t a = 0; a < load_.size(); ++a) {
            if (rank_of(a) != busiest) continue;
            for (std::size_t b = 0; b < load_.size(); ++b) {
                double const relief = std::min(load_[a] - load_[b], surplus);
                if (rank_of(b) == busiest || relief <= 0) continue;
                if (filled_[rank_of(b)] + load_[a] - load_[b] >= filled_[busiest]) continue;
                std::pair const price{std::min(gain_of(a, b), 0.0) / relief, relief};
                if (price > best) best = price, best_a = a, best_b = b;
            }
        }
        if (best_a == load_.size()) return false;
        apply(best_a, best_b);
        return true;
    }

    bool swap_best() {
        double const allowed = std::max(limit_, *std::max_element(filled_.begin(), filled_.end()));
        double best = 0.5;  // counts are whole: anything less is no gain
        std::size_t best_a = 0, best_b = 0;
        for (std::size_t a = 0; a < load_.size(); ++a) {
            for (std::size_t b = a + 1; b < load_.size(); ++b) {
                auto const ra = rank_of(a), rb = rank_of(b);
                if (ra == rb) continue;
                double const gain = gain_of(a, b);
                if (gain <= best) continue;
                if (filled_[ra] - load_[a] + load_[b] > allowed ||
                    filled_[rb] - load_[b] + load_[a] > allowed)
                    continue;
                best = gain, best_a = a, best_b = b;
            }
        }
        if (best <= 0.5) return false;
        apply(best_a, best_b);
        return true;
    }

    void apply(std::size_t a, std::size_t b) {
        auto const ra = rank_of(a), rb = rank_of(b);
        for (std::size_t e = 0; e < load_.size(); ++e) {
            attraction(e, ra) += pair(e, b) - pair(e, a);
            attraction(e, rb) += pair(e, a) - pair(e, b);
        }
        filled_[ra] += load_[b] - load_[a];
        filled_[rb] += load_[a] - load_[b];
        std::swap(rank_[a], rank_[b]);
    }

    std::vector<double> load_, pairs_;  // pairs: Shape [expert, expert]
    std::vector<std::int32_t> free_, rank_;
    std::vector<double> filled_, attraction_;  // attraction: Shape [expert, rank]
    double limit_ = 0;
};

Planned plan(PlanRequest const& request) {
    auto const experts = static_cast<std::size_t>(request.demand.experts());
    Grid<std::int32_t, 2> ranks(request.demand.layers(), experts);
    for (LayerId const layer : ids<LayerId>(request.demand.layers())) {
        std::vector<double> pairs(experts * experts);
        if (request.pairs != nullptr) {
            auto const counts = request.pairs->row(layer);
            std::copy(counts.begin(), counts.end(), pairs.begin());
        }
        Grouping const grouping(load_of(request.demand, layer), std::move(pairs),
                                even_capacities(request.demand.experts(), request.ranks),
                                request.settings.number("max_load"));
        std::copy(grouping.ranks().begin(), grouping.ranks().end(), ranks.row(layer).begin());
    }
    return {Assignment::from_expert_ranks(ranks, request.ranks)};
}

bool const registered = register_in<Strategy>(
    "co_activation", "Experts that tokens choose together on one rank: fewer rank copies of a token.",
    {.family = Family::placement,
     .settings = {number_setting("max_load", 1.2, 1, 1000, "Largest load of a rank over the mean")},
     .plan = plan});

}  // namespace
}  // namespace moewire
