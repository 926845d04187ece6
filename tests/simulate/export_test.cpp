// Every export: what it writes, it reads back; no byte and no capacity is lost.
#include "simulate/export.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/registry.hpp"
#include "simulate/protobuf.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

Grid<std::uint64_t, 2> random_matrix(std::size_t ranks, Random& random) {
    Grid<std::uint64_t, 2> bytes(ranks, ranks);
    for (auto& value : bytes.values())
        value = random.below(3) == 0 ? 0 : random.next() >> (24 + random.below(40));
    for (std::size_t i = 0; i < ranks; ++i) bytes(i, i) = 0;
    return bytes;
}

// Nodes whose ranks carry a whole multiple of what their cards do: every format can say it.
MachineDescription random_machine(Random& random) {
    MachineDescription m;
    m.name = "m";
    m.latency_s = 1e-6 * static_cast<double>(random.below(8));
    m.ranks_per_node = 4;
    m.nics_per_node = static_cast<int>(1 + random.below(2));
    double const card = 1e9 * static_cast<double>(1 + random.below(100));
    m.nic_out_bytes_per_s = m.nic_in_bytes_per_s = card;
    m.rank_out_bytes_per_s = m.rank_in_bytes_per_s = card * static_cast<double>(1 + random.below(9));
    return m;
}

class EveryExport : public testing::TestWithParam<std::string> {
  protected:
    TrafficExport const& format() const { return Registry<TrafficExport>::instance().at(GetParam()).value; }
};

TEST_P(EveryExport, ReadsBackWhatItWrites) {
    Random random(3, GetParam());
    for (int trial = 0; trial < 40; ++trial) {
        std::size_t const ranks = 4 * (1 + random.below(5));
        Topology const topology(random_machine(random), std::vector<int>(ranks, 0));
        auto const bytes = random_matrix(ranks, random);
        auto const back = format().read(format().write({topology, bytes}, "case"));
        ASSERT_TRUE(back.bytes || back.machine) << "an export carries traffic or a machine";
        if (back.bytes) {
            ASSERT_EQ(*back.bytes, bytes);
        }
        if (!back.machine) continue;
        auto const graph = link_graph(topology);
        EXPECT_TRUE(is_connected(*back.machine));
        EXPECT_EQ(back.machine->ranks, graph.ranks);
        double all = 0, expected = 0;
        for (auto const& cable : back.machine->cables) all += cable.bytes_per_s;
        for (auto const& cable : graph.cables) expected += cable.bytes_per_s;
        EXPECT_NEAR(all, expected, 1e-12 * expected);
    }
}

TEST_P(EveryExport, RefusesTornFilesByName) {
    Random random(4, GetParam());
    Topology const topology(random_machine(random), std::vector<int>(8, 0));
    auto const bytes = random_matrix(8, random);
    auto files = format().write({topology, bytes}, "case");
    // Cut in the middle: whatever is left is either complete in itself or refused, never read as the whole.
    for (std::size_t cut = 0; cut < files[0].content.size(); cut += 1 + files[0].content.size() / 97) {
        auto torn = files;
        torn[0].content.resize(cut);
        try {
            auto const back = format().read(torn);
            if (back.bytes) {
                EXPECT_NE(*back.bytes, bytes) << "cut at " << cut << ": the end went unmissed";
            }
        } catch (Error const& error) {
            EXPECT_EQ(error.exit_code(), 2);
        }
    }
}

std::vector<std::string> formats() {
    std::vector<std::string> names;
    for (auto const& entry : Registry<TrafficExport>::instance().entries()) names.push_back(entry.name);
    return names;
}
INSTANTIATE_TEST_SUITE_P(Registered, EveryExport, testing::ValuesIn(formats()),
                         [](auto const& info) { return info.param; });

TEST(Exports, AreThoseOfTheCatalogue) {
    EXPECT_EQ(formats(), (std::vector<std::string>{"chakra", "goal", "htsim", "ns3", "simai"}));
}

TEST(Htsim, RefusesMachinesThatItsTreesCannotSay) {
    MachineDescription m;
    m.ranks_per_node = 3;
    m.rank_out_bytes_per_s = m.rank_in_bytes_per_s = 10e9;
    m.nic_out_bytes_per_s = m.nic_in_bytes_per_s = 7e9;
    Topology const topology(m, std::vector<int>(6, 0));
    auto const& htsim = Registry<TrafficExport>::instance().at("htsim").value;
    EXPECT_THROW(htsim.write({topology, Grid<std::uint64_t, 2>(6, 6)}, "case"), Error);
}

TEST(Goal, RefusesASendThatNobodyExpects) {
    auto const& goal = Registry<TrafficExport>::instance().at("goal").value;
    EXPECT_THROW(goal.read({{"x.goal", "num_ranks 2\nrank 0 {\nl1: send 8b to 1 tag 0\n}\nrank 1 {\n}\n"}}),
                 Error);
}

// The documentation's own example: field 1 holding 150, and field 2 holding "testing".
TEST(Protobuf, IsTheWireFormat) {
    WireWriter writer;
    writer.number(1, 150);
    writer.text(2, "testing");
    EXPECT_EQ(writer.bytes(), std::string("\x08\x96\x01\x12\x07testing"));
    WireReader reader(writer.bytes());
    EXPECT_EQ(reader.next().number, 150u);
    EXPECT_EQ(reader.next().text, "testing");
    EXPECT_TRUE(reader.at_end());
}

TEST(LinkGraph, HasAVertexForEveryBoxAndACableForEveryLink) {
    MachineDescription m;
    m.dimensions = {{DimensionKind::ring, 4, 1e9, 1e-6}, {DimensionKind::switched, 2, 2e9, 0}};
    auto const graph = link_graph(Topology(m, std::vector<int>(8, 0)));
    EXPECT_EQ(graph.vertices, 8 + 4);
    EXPECT_EQ(graph.cables.size(), 8u + 8u);
    EXPECT_TRUE(is_connected(graph));
}

}  // namespace
}  // namespace moewire
