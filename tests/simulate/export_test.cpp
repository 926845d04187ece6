// Every export: what it writes, it reads back; no byte and no capacity is lost.
#include "simulate/export.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/random.hpp"
#include "base/registry.hpp"
#include "simulate/protobuf.hpp"
#include "support/scratch.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

// Whole rows of 16 bytes, as every format can say them.
Grid<std::uint64_t, 2> random_matrix(std::size_t ranks, Random& random) {
    Grid<std::uint64_t, 2> bytes(ranks, ranks);
    for (auto& value : bytes.values())
        value = random.below(3) == 0 ? 0 : (random.next() >> (24 + random.below(40))) / 16 * 16;
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
    // Cut in the middle: whatever is left is either complete in itself or refused, never read as the whole
    // (but for the end of the last line).
    for (std::size_t cut = 0; cut + 1 < files[0].content.size(); cut += 1 + files[0].content.size() / 97) {
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
                         [](auto const& one) { return one.param; });

TEST(Exports, AreThoseOfTheCatalogue) {
    EXPECT_EQ(formats(), (std::vector<std::string>{"chakra", "goal", "htsim", "matrix", "ns3", "simai"}));
}

// Through files on a disk, named by their endings.
TEST_P(EveryExport, IsImportedFromItsFiles) {
    Random random(5, GetParam());
    Topology const topology(random_machine(random), std::vector<int>(12, 0));
    auto const bytes = random_matrix(12, random);
    auto const files = format().write({topology, bytes}, "case");
    EXPECT_NE(read_back(format(), files, {topology, bytes}), "");
    Scratch const folder;
    std::vector<std::filesystem::path> paths;
    for (auto const& file : files) write_file(paths.emplace_back(folder.path() / file.name), file.content);
    std::reverse(paths.begin(), paths.end());
    if (GetParam() == "ns3" || GetParam() == "simai") {
        EXPECT_THROW(import_traffic(paths), Error) << "a machine is no traffic";
    } else {
        EXPECT_EQ(import_traffic(paths), bytes);
    }
}

// A format that loses something must not be believed.
TEST_P(EveryExport, IsNotBelievedWhenItSaysSomethingElse) {
    Random random(6, GetParam());
    auto machine = random_machine(random);
    Topology const topology(machine, std::vector<int>(8, 0));
    auto bytes = random_matrix(8, random);
    bytes(2, 3) = 4096;
    auto const files = format().write({topology, bytes}, "case");
    bytes(2, 3) += 16;
    machine.rank_out_bytes_per_s = machine.rank_in_bytes_per_s = 1e6;
    EXPECT_THROW(read_back(format(), files, {Topology(machine, std::vector<int>(8, 0)), bytes}), Error);
}

TEST(Exports, KeepOddBytesOrRefuseThem) {
    Random random(7, "odd");
    Topology const topology(random_machine(random), std::vector<int>(4, 0));
    Grid<std::uint64_t, 2> bytes(4, 4);
    bytes(1, 2) = 17;
    for (auto const& format : Registry<TrafficExport>::instance().entries()) {
        if (format.name == "matrix") {
            EXPECT_THROW(format.value.write({topology, bytes}, "odd"), Error);
        } else {
            EXPECT_NO_THROW(
                read_back(format.value, format.value.write({topology, bytes}, "odd"), {topology, bytes}));
        }
    }
}

TEST(Exports, RefuseAbsurdNumbers) {
    auto const refused = [](char const* format, std::string const& content) {
        auto const& read = Registry<TrafficExport>::instance().at(format).value.read;
        EXPECT_THROW(read({{"absurd", content}}), Error) << content;
    };
    refused("goal", "num_ranks 99999999999\n");
    refused("goal", "num_ranks 0\n");
    refused("goal", "num_ranks 2\nrank 0 {\nl1: send -8b to 1 tag 0\n}\n");
    refused("htsim", "Nodes 99999999999\nConnections 0\n");
    refused("htsim", "Nodes 2\nConnections 1\n0->1 id 1 start 0 size 9223372036854775807\n");
    refused("ns3", "2 3 0\n0 1\n");
    refused("ns3", "3 1 1\n2\n0 7 100Gbps 0.001ms 0\n");
    refused("ns3", "3 1 1\n2\n0 1 -100Gbps 0.001ms 0\n");
    refused("simai", "99999999999999 8 1 1 0 H100\n");
}

TEST(Chakra, RefusesAFileNamedTwice) {
    Random random(8, "chakra");
    auto const& chakra = Registry<TrafficExport>::instance().at("chakra").value;
    Topology const topology(random_machine(random), std::vector<int>(4, 0));
    auto const files =
        chakra.write({topology, Grid<std::uint64_t, 2>({4, 4}, std::vector<std::uint64_t>(16, 32))}, "x");
    auto twice = files;
    for (std::size_t i = 0; i < files.size(); ++i)
        twice.push_back({fmt::format("copy.{}.et", i), files[i].content});
    EXPECT_THROW(chakra.read(twice), Error);
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
