// How long should one exchange take? One question, one answer type, many models in cost_models/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/grid.hpp"
#include "simulate/nccl_costs.hpp"
#include "topology/topology.hpp"

namespace moewire {

// One all-to-all to be predicted.
struct Scenario {
    Topology const& topology;
    Grid<std::uint64_t, 2> const& bytes;  // Shape: [source, destination]
};

// What the number rests on.
enum class Evidence {
    bound,         // no time can be below it
    assumed,       // parameters were given, not measured
    calibrated,    // parameters were fitted to measurements on this machine; the case lies inside their hull
    extrapolated,  // as calibrated, but outside the hull
    transferred    // parameters were fitted to measurements on another machine, or among other ranks
};
std::string_view name_of(Evidence evidence);

// Unit: seconds. low_s .. high_s is the 90 % interval where the model has one, else time_s twice.
struct Prediction {
    double time_s = 0;
    double low_s = 0;
    double high_s = 0;
    double bound_s = 0;            // resource lower bound of this scenario
    std::string binding_resource;  // what gives that bound
    Evidence evidence = Evidence::assumed;
    double p99_s = 0;  // of single exchanges, the slowest rank; 0: the model says nothing of tails
};

// The seed study's flat network.
struct SeedNetwork {
    double bandwidth_bytes_per_s = 12.5e9;  // 100 Gbit/s
    double latency_s = 1e-6;
};

// latency + bytes of the busiest port / bandwidth, with what the fit was made from.
struct Line {
    double latency_s = 0;
    double bandwidth_bytes_per_s = 0;
    double log_radius = 0;          // 90 % of the calibration's |log(measured / fitted)| lie within
    std::uint64_t least_bytes = 0;  // hull of the calibration, busiest port
    std::uint64_t most_bytes = 0;
};

// A frozen calibration's model; see calibrated.hpp.
struct CalibratedModel;

// The parameters that models need; a model without its own throws.
struct ModelParameters {
    SeedNetwork seed;
    std::optional<Line> line;
    std::shared_ptr<CalibratedModel const> calibrated;
    NcclCosts nccl;
};

// What a model says of itself; tests hold it to that.
struct ModelTraits {
    // The time of an exchange of nothing. Unit: seconds.
    std::function<double(ModelParameters const&)> floor_s = [](ModelParameters const&) { return 0.0; };
    // Messages of these and fewer bytes are treated unlike longer ones, so that crossing one may save time.
    std::function<std::vector<std::uint64_t>(Topology const&, ModelParameters const&)> edges_bytes = {};
    // Flows that share are not monotone: longer ones may hold back those that compete with the last. By how
    // much of the time, at most, more bytes or less capacity may seem to save.
    double anomaly = 0;
    // Does the order of equal ranks matter? Then only turning all of them leaves the time as it is.
    enum class Order { free, rounds } order = Order::free;
    int most_ranks = 0;  // more are refused; 0: any number
};

struct CostModel {
    static constexpr char const* catalogue = "simulate/cost_models";
    // Throws: unavailable, when its parameters are absent.
    std::function<Prediction(Scenario const&, ModelParameters const&)> predict;
    ModelTraits traits = {};
};

// Bytes over capacity of the most loaded resource: no prediction and no measurement may lie below.
struct Bound {
    double time_s = 0;
    std::string binding_resource;  // "none" where nothing limits or nothing moves
};
Bound resource_bound(Scenario const& scenario);

}  // namespace moewire
