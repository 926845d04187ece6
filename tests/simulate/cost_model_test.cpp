#include "simulate/cost_model.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/registry.hpp"
#include "simulate/calibrated.hpp"
#include "support/catalogue.hpp"

namespace moewire {
namespace {

MachineDescription flat(double bytes_per_s) {
    MachineDescription machine;
    machine.name = "flat";
    machine.rank_out_bytes_per_s = bytes_per_s;
    machine.rank_in_bytes_per_s = bytes_per_s;
    return machine;
}

Grid<std::uint64_t, 2> random_bytes(std::size_t ranks, std::uint64_t seed) {
    Random random(seed, "bytes");
    Grid<std::uint64_t, 2> bytes(ranks, ranks);
    for (auto& b : bytes.values()) b = random.below(1000000);
    return bytes;
}

ModelParameters all_parameters() {
    ModelParameters parameters;
    parameters.seed = {1e9, 1e-6};
    parameters.line = Line{5e-6, 0.7e9, 0.2, 1000, 10000000};
    CalibratedModel calibrated;
    calibrated.floor_s = 5e-6;
    calibrated.eager_message_s = calibrated.rendezvous_message_s = 1e-6;
    calibrated.sharpness = 2;
    calibrated.rate_bytes_per_s = {{"rank # out", 0.8e9}, {"rank # in", 1.5e9}, {"node # cores", 4e9}};
    calibrated.trust[Regime::rendezvous] = {20, 0.05, 0.1, 1e-5, 0};
    calibrated.hull = {1000, 1000000, 6};
    parameters.calibrated = std::make_shared<CalibratedModel>(calibrated);
    return parameters;
}

// What must hold for every model there is.
class EveryCostModel : public testing::TestWithParam<std::string> {
  protected:
    Prediction predict(Grid<std::uint64_t, 2> const& bytes) const {
        Topology const topology(flat(1e9), std::vector<int>(bytes.extent(0), 0));
        return Registry<CostModel>::instance()
            .at(GetParam())
            .value.predict({topology, bytes}, all_parameters());
    }
};

TEST_P(EveryCostModel, NeverBelowTheBoundAndIntervalHoldsTheValue) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        auto const p = predict(random_bytes(4, seed));
        EXPECT_GE(p.time_s, p.bound_s);
        EXPECT_GE(p.low_s, p.bound_s);
        EXPECT_LE(p.low_s, p.time_s);
        EXPECT_GE(p.high_s, p.time_s);
        EXPECT_FALSE(p.binding_resource.empty());
    }
}

TEST_P(EveryCostModel, MoreBytesAreNeverFaster) {
    auto bytes = random_bytes(4, 1);
    double last_s = predict(bytes).time_s;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes.values()[i] += 300000;
        double const now_s = predict(bytes).time_s;
        EXPECT_GE(now_s, last_s);
        last_s = now_s;
    }
}

TEST_P(EveryCostModel, RenamingRanksOfAFlatMachineChangesNothing) {
    auto const bytes = random_bytes(5, 3);
    auto const order = Random(4, "rename").permutation(5);
    Grid<std::uint64_t, 2> renamed(5, 5);
    for (std::size_t s = 0; s < 5; ++s) {
        for (std::size_t d = 0; d < 5; ++d) renamed(order[s], order[d]) = bytes(s, d);
    }
    EXPECT_DOUBLE_EQ(predict(bytes).time_s, predict(renamed).time_s);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryCostModel, testing::ValuesIn(catalogue_names<CostModel>()),
                         parameter_name);

TEST(ResourceBound, FindsTheBindingResource) {
    Grid<std::uint64_t, 2> const bytes({3, 3}, {999999, 10, 20, 5, 999999, 40, 0, 7, 999999});
    Topology const topology(flat(10), {0, 0, 0});
    auto const bound = resource_bound({topology, bytes});
    EXPECT_DOUBLE_EQ(bound.time_s, 6.0);  // 20 + 40 into rank 2
    EXPECT_EQ(bound.binding_resource, "rank 2 in");
}

TEST(ResourceBound, SharedMemoryCarriesAllPairsOfItsNode) {
    MachineDescription machine;
    machine.node_memory_bytes_per_s = 10;
    machine.nic_out_bytes_per_s = 1;
    Grid<std::uint64_t, 2> const bytes({3, 3}, {0, 10, 3, 10, 0, 2, 0, 0, 0});
    Topology const topology(machine, {0, 0, 1});
    auto const bound = resource_bound({topology, bytes});
    EXPECT_DOUBLE_EQ(bound.time_s, 5.0);  // 3 + 2 leave node 0 by its NIC; 20 cross its memory in 2 s
    EXPECT_EQ(bound.binding_resource, "node 0 NIC out");
}

TEST(ResourceBound, DoublingCapacityHalvesIt) {
    auto const bytes = random_bytes(4, 8);
    Topology const slow(flat(1e9), {0, 0, 0, 0}), fast(flat(2e9), {0, 0, 0, 0});
    EXPECT_DOUBLE_EQ(resource_bound({slow, bytes}).time_s, 2 * resource_bound({fast, bytes}).time_s);
}

TEST(SeedModel, IsLatencyPlusBusiestPort) {
    Grid<std::uint64_t, 2> const bytes({2, 2}, {7, 2000, 1000, 7});
    Topology const topology({}, {0, 0});
    ModelParameters parameters;
    parameters.seed = {1000, 0.5};
    auto const p = Registry<CostModel>::instance().at("seed").value.predict({topology, bytes}, parameters);
    EXPECT_DOUBLE_EQ(p.time_s, 2.5);
}

TEST(LineModel, RefusesWithoutACalibrationAndMarksExtrapolation) {
    auto const& line = Registry<CostModel>::instance().at("line").value;
    auto const bytes = random_bytes(3, 1);
    Topology const topology({}, {0, 0, 0});
    try {
        line.predict({topology, bytes}, {});
        FAIL() << "predicted without parameters";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 3);
    }
    auto parameters = all_parameters();
    EXPECT_EQ(line.predict({topology, bytes}, parameters).evidence, Evidence::calibrated);
    parameters.line->most_bytes = 1001;
    EXPECT_EQ(line.predict({topology, bytes}, parameters).evidence, Evidence::extrapolated);
}

}  // namespace
}  // namespace moewire
