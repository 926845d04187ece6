#include "simulate/cost_model.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/registry.hpp"
#include "support/models.hpp"

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
