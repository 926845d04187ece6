// Experts stay in equal blocks; in a batch whose busiest rank has more than `lambda` times the mean, what
// does not fit under `alpha` times the mean is spilled to the least loaded ranks, together with the expert's
// weights, which are dropped after the batch. Source: least-loaded expert parallelism, arXiv 2601.17111.
#include <algorithm>
#include <numeric>

#include "assignment/strategy.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

// The batch of one layer. Tokens that are not dealt yet are expected at home.
class Spill {
  public:
    Spill(std::vector<double> const& load, std::vector<std::int32_t> const& home, int ranks, double alpha,
          double chunk)
        : home_(home), expected_(static_cast<std::size_t>(ranks)), chunk_(chunk) {
        double const total = std::accumulate(load.begin(), load.end(), 0.0);
        limit_ = alpha * total / ranks;
        for (std::size_t e = 0; e < load.size(); ++e) expected_[home_rank(e)] += load[e];
        std::vector<std::size_t> order(load.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return load[a] > load[b]; });
        for (auto const e : order) deal(e, load[e]);
    }

    std::vector<PlacedSlot> const& slots() const { return slots_; }

  private:
    std::size_t home_rank(std::size_t e) const { return static_cast<std::size_t>(home_[e]); }

    void deal(std::size_t e, double load) {
        auto const home = home_rank(e);
        double rest = std::clamp(expected_[home] - limit_, 0.0, load);
        if (rest < chunk_) rest = 0;  // a small product of matrices is not worth moving weights
        std::vector<double> given(expected_.size());
        while (rest > 0) {
            auto const least = static_cast<std::size_t>(std::min_element(expected_.begin(), expected_.end()) -
                                                        expected_.begin());
            if (least == home) break;
            double const room = std::max(limit_ - expected_[least], chunk_);
            double const part = std::min(rest, room);
            given[least] += part;
            expected_[least] += part;
            expected_[home] -= part;
            rest -= part;
        }
        double const away = std::accumulate(given.begin(), given.end(), 0.0);
        auto const expert = static_cast<std::int32_t>(e);
        slots_.push_back({expert, home_[e], load > 0 ? (load - away) / load : 1});
        for (std::size_t rank = 0; rank < given.size(); ++rank) {
            if (given[rank] > 0)
                slots_.push_back({expert, static_cast<std::int32_t>(rank), given[rank] / load});
        }
    }

    std::vector<std::int32_t> const& home_;
    std::vector<double> expected_;  // Shape: [rank]
    std::vector<PlacedSlot> slots_;
    double limit_ = 0, chunk_;
};

bool is_uneven(std::vector<double> const& load, std::vector<std::int32_t> const& home, int ranks,
               double lambda) {
    std::vector<double> rank_load(static_cast<std::size_t>(ranks));
    for (std::size_t e = 0; e < load.size(); ++e) rank_load[static_cast<std::size_t>(home[e])] += load[e];
    double const total = std::accumulate(load.begin(), load.end(), 0.0);
    return *std::max_element(rank_load.begin(), rank_load.end()) * ranks > lambda * total;
}

Schedule follow(StreamRequest const& request) {
    auto const& r = request.plan;
    auto const capacities = even_capacities(r.demand.experts(), r.ranks);
    std::vector<std::int32_t> home;
    for (std::size_t rank = 0; rank < capacities.size(); ++rank)
        home.insert(home.end(), static_cast<std::size_t>(capacities[rank]), static_cast<std::int32_t>(rank));
    std::vector<PlacedSlot> at_home;
    for (std::size_t e = 0; e < home.size(); ++e) at_home.push_back({static_cast<std::int32_t>(e), home[e]});
    std::vector<std::vector<PlacedSlot>> slots;
    double spilled = 0;
    for (LayerId const layer : ids<LayerId>(request.stream.layers())) {
        auto const load = load_of(request.stream, layer);
        bool const act = is_uneven(load, home, r.ranks, r.settings.number("lambda"));
        slots.push_back(
            act ? Spill(load, home, r.ranks, r.settings.number("alpha"), r.settings.number("chunk")).slots()
                : at_home);
        spilled += slots.back().size() > home.size();
    }
    ReplicaRule const rule{"weighted", r.seed, r.node_of_rank};
    Schedule schedule;
    schedule.before = Assignment::from_slots({r.demand.layers(), at_home}, r.demand.experts(), r.ranks, rule);
    schedule.plan = Assignment::from_slots(slots, r.demand.experts(), r.ranks, rule);
    schedule.moves = moves_of(schedule.before, schedule.plan, Copies::dropped, r.node_of_rank);
    schedule.notes = {{"layers_that_spilled", spilled}};
    return schedule;
}

bool const registered = register_in<Strategy>(
    "least_loaded", "Spills a batch's overload to the least loaded ranks, weights and all.",
    {.family = Family::replication,
     .settings = {number_setting("lambda", 1.3, 1, 1000, "Busiest rank over the mean from which it acts"),
                  number_setting("alpha", 1.1, 1, 1000, "What a rank may hold, over the mean"),
                  whole_setting("chunk", 64, 1, 1 << 30, "Fewest tokens worth moving an expert for")},
     .follow = follow,
     .knowledge = Knowledge::this_batch});

}  // namespace
}  // namespace moewire
