// What must hold for every cost model there is, on many machines and matrices.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/registry.hpp"
#include "support/catalogue.hpp"
#include "support/fixtures.hpp"
#include "support/machines.hpp"
#include "support/models.hpp"

namespace moewire {
namespace {

using Matrix = Grid<std::uint64_t, 2>;

MachineDescription star(double bytes_per_s) {
    MachineDescription machine;
    machine.name = "star";
    machine.rank_out_bytes_per_s = machine.rank_in_bytes_per_s = bytes_per_s;
    machine.latency_s = 1e-6;
    return machine;
}

// Described ones, two stars, a product network and one of which nothing is known.
std::vector<MachineDescription> machines() {
    std::vector<MachineDescription> all{star(1e9), star(450e9), MachineDescription{}};
    for (auto const* name : {"hgx_h100", "dgx_h100_4_nodes", "dgx_h100_32_nodes_4to1", "pcie_box", "laptop",
                             "two_nodes_100g", "three_sites", "unequal_nodes"})
        all.push_back(read_machine(home() / "bench/topologies" / (std::string(name) + ".toml")));
    all.push_back(read_machine_text(
        "topology: [ Ring, Switch ]\nnpus_count: [ 4, 3 ]\nbandwidth: [ 50.0, 25 ]\nlatency: [ 500, 700 ]\n",
        "net.yml"));
    return all;
}

// Sizes from bytes to hundreds of megabytes, dense or with gaps.
Matrix random_matrix(std::size_t ranks, Random& random) {
    Matrix bytes(ranks, ranks);
    double const most_bits = 8 + 20 * random.uniform();
    auto const gaps = random.below(3);
    for (auto& b : bytes.values())
        b = random.below(4) < gaps
                ? 0
                : static_cast<std::uint64_t>(std::exp2(most_bits * (0.5 + 0.5 * random.uniform())));
    return bytes;
}

MachineDescription with_doubled_capacities(MachineDescription m) {
    for (auto* capacity : {&m.rank_out_bytes_per_s, &m.rank_in_bytes_per_s, &m.node_memory_bytes_per_s,
                           &m.nic_out_bytes_per_s, &m.nic_in_bytes_per_s})
        if (*capacity) **capacity *= 2;
    if (m.socket) *m.socket->out_bytes_per_s *= 2, *m.socket->in_bytes_per_s *= 2;
    if (m.leaf && m.leaf->up_bytes_per_s) *m.leaf->up_bytes_per_s *= 2;
    if (m.leaf && m.leaf->down_bytes_per_s) *m.leaf->down_bytes_per_s *= 2;
    for (auto& link : m.site_links) link.out_bytes_per_s *= 2, link.back_bytes_per_s *= 2;
    for (auto& link : m.site_links)
        if (link.window_bytes) *link.window_bytes *= 2;
    for (auto& dimension : m.dimensions) dimension.bytes_per_s *= 2;
    return m;
}

class EveryCostModel : public testing::TestWithParam<std::string> {
  protected:
    CostModel const& model() const { return Registry<CostModel>::instance().at(GetParam()).value; }
    Prediction predict(Topology const& topology, Matrix const& bytes) const {
        return model().predict({topology, bytes}, parameters_);
    }

    // Calls for machines, each with some matrices.
    template <class Law>
    void for_all(Law const& law) const {
        Random random(7, "laws " + GetParam());
        for (auto const& machine : machines()) {
            std::size_t const ranks = machine.dimensions.empty() ? 2 + random.below(19) : 12;
            Topology const topology(machine, std::vector<int>(ranks, 0));
            for (int trial = 0; trial < 6; ++trial) law(topology, random_matrix(ranks, random), random);
        }
    }

    // Is either on another side of an edge?
    bool crosses_edge(Topology const& topology, std::uint64_t before, std::uint64_t after) const {
        if (!model().traits.edges_bytes) return false;
        auto const edges = model().traits.edges_bytes(topology, parameters_);
        return std::any_of(edges.begin(), edges.end(),
                           [&](auto edge) { return before <= edge && after > edge; });
    }

    ModelParameters const parameters_ = all_parameters();
};

TEST_P(EveryCostModel, IsNeverBelowTheBoundAndItsIntervalHoldsTheTime) {
    for_all([&](Topology const& topology, Matrix const& bytes, Random&) {
        auto const p = predict(topology, bytes);
        auto const bound = resource_bound({topology, bytes});
        EXPECT_EQ(p.bound_s, bound.time_s);
        EXPECT_GE(p.time_s, bound.time_s) << topology.machine().name;
        // Where measured transfers are meant: they are counted from the last entry, when others have begun.
        if (GetParam() != "calibrated") {
            EXPECT_GE(p.low_s, bound.time_s);
        }
        EXPECT_LE(p.low_s, p.time_s);
        EXPECT_GE(p.high_s, p.time_s);
        EXPECT_FALSE(p.binding_resource.empty());
        EXPECT_TRUE(std::isfinite(p.time_s));
    });
}

TEST_P(EveryCostModel, MoreBytesAreNeverFasterButAcrossEdges) {
    double const least = 1 - model().traits.anomaly - 1e-12;
    for_all([&](Topology const& topology, Matrix bytes, Random& random) {
        double last_s = predict(topology, bytes).time_s;
        for (int step = 0; step < 8; ++step) {
            auto& entry = bytes.values()[random.below(bytes.size())];
            auto const before = entry;
            entry += 1 + random.below(1 + before);
            double const now_s = predict(topology, bytes).time_s;
            if (!crosses_edge(topology, before, entry)) {
                EXPECT_GE(now_s, last_s * least)
                    << topology.machine().name << ": " << before << " to " << entry;
            }
            last_s = now_s;
        }
    });
}

TEST_P(EveryCostModel, DoublingEveryCapacityIsNeverSlower) {
    double const most = 1 + model().traits.anomaly + 1e-12;
    for_all([&](Topology const& topology, Matrix const& bytes, Random&) {
        auto const ranks = static_cast<std::size_t>(topology.ranks());
        // What the library does must not change with it, only what the links carry.
        auto const& m = topology.machine();
        if (m.rank_out_bytes_per_s.value_or(1e12) <= 64e9 && 2 * m.rank_out_bytes_per_s.value_or(0) > 64e9)
            return;
        Topology const faster(with_doubled_capacities(m), std::vector<int>(ranks, 0));
        EXPECT_LE(predict(faster, bytes).time_s, predict(topology, bytes).time_s * most) << m.name;
    });
}

TEST_P(EveryCostModel, RenamingEqualRanksChangesNothing) {
    Random random(9, "rename");
    for (std::size_t const ranks : {2, 5, 16, 40}) {
        Topology const topology(star(450e9), std::vector<int>(ranks, 0));
        auto const bytes = random_matrix(ranks, random);
        auto order = random.permutation(static_cast<std::int32_t>(ranks));
        if (model().traits.order == ModelTraits::Order::rounds)
            for (std::size_t r = 0; r < ranks; ++r) order[r] = static_cast<std::int32_t>((r + 3) % ranks);
        Matrix renamed(ranks, ranks);
        for (std::size_t s = 0; s < ranks; ++s)
            for (std::size_t d = 0; d < ranks; ++d) renamed(order[s], order[d]) = bytes(s, d);
        double const before_s = predict(topology, bytes).time_s;
        EXPECT_NEAR(predict(topology, renamed).time_s, before_s, before_s * 1e-9) << ranks;
    }
}

TEST_P(EveryCostModel, NothingTakesTheFloor) {
    for (auto const& machine : machines()) {
        std::size_t const ranks = machine.dimensions.empty() ? 5 : 12;
        Topology const topology(machine, std::vector<int>(ranks, 0));
        auto const p = predict(topology, Matrix(ranks, ranks));
        EXPECT_DOUBLE_EQ(p.time_s, model().traits.floor_s(parameters_)) << machine.name;
        EXPECT_EQ(p.bound_s, 0);
        EXPECT_EQ(p.binding_resource, "none");
    }
}

TEST_P(EveryCostModel, SaysItWhereThereAreTooManyRanks) {
    std::size_t const ranks = 130;
    Topology const topology(star(450e9), std::vector<int>(ranks, 0));
    Matrix const bytes(Matrix::Shape{ranks, ranks}, std::vector<std::uint64_t>(ranks * ranks, 1000));
    int const most = model().traits.most_ranks;
    if (most == 0) {
        EXPECT_GT(predict(topology, bytes).time_s, 0);
        return;
    }
    try {
        predict(topology, bytes);
        FAIL() << "more than " << most << " ranks were taken";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 3);
        EXPECT_NE(std::string(error.what()).find(std::to_string(most)), std::string::npos);
    }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryCostModel, testing::ValuesIn(catalogue_names<CostModel>()),
                         parameter_name);

// The same machine in decimal gigabytes, in ASTRA-sim's of 2^30 bytes, and in NCCL's megabits.
TEST(Units, SurviveEveryFormat) {
    auto const astra = read_machine_text(
        "topology: [ Switch ]\nnpus_count: [ 8 ]\nbandwidth: [ 50.0 ]\nlatency: [ 500 ]\n", "net.yml");
    EXPECT_EQ(astra.dimensions.at(0).bytes_per_s / (1 << 30), 50.0);
    EXPECT_DOUBLE_EQ(astra.dimensions.at(0).latency_s * 1e9, 500.0);
    auto const decimal = read_machine_text(
        "name = \"m\"\ndescription = \"d\"\n[rank]\nout_bytes_per_s = 50e9\nin_bytes_per_s = 50e9\n");
    auto const nccl = read_machine_text(
        "<system version=\"1\"><cpu numaid=\"0\"><pci busid=\"1\" link_speed=\"16.0 GT/s PCIe\" "
        "link_width=\"16\"><gpu "
        "dev=\"0\" sm=\"90\" rank=\"0\"/></pci><pci busid=\"2\"><nic><net dev=\"0\" "
        "speed=\"400000\"/></nic></pci></cpu>"
        "</system>",
        "topo.xml");
    EXPECT_EQ(nccl.nic_out_bytes_per_s.value_or(0) * 8 / 1e6, 400'000.0);
    Matrix bytes(8, 8);
    Random random(3, "units");
    for (auto& b : bytes.values()) b = random.below(1'000'000);
    Topology const in_gibi(astra, std::vector<int>(8, 0)), in_giga(decimal, std::vector<int>(8, 0));
    EXPECT_NEAR(resource_bound({in_giga, bytes}).time_s / resource_bound({in_gibi, bytes}).time_s,
                1'073'741'824.0 / 1e9, 1e-12);
}

}  // namespace
}  // namespace moewire
