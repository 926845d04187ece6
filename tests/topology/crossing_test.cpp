// What crosses each resource, in one pass, against the same path by path.
#include <filesystem>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "support/fixtures.hpp"
#include "support/machines.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

std::vector<double> by_paths(Topology const& t, Grid<std::uint64_t, 2> const& bytes,
                             std::uint64_t doubled_most) {
    std::vector<double> crossing(t.resources().size());
    for (RankId const s : ids<RankId>(t.ranks()))
        for (RankId const d : ids<RankId>(t.ranks()))
            for (auto const r : t.path(s, d))
                crossing[r] += static_cast<double>(bytes(s, d) * (bytes(s, d) <= doubled_most ? 2 : 1));
    return crossing;
}

void expect_same(MachineDescription const& machine, std::vector<int> const& nodes, std::uint64_t seed) {
    Topology const t(machine, nodes);
    Random random(seed, "crossing");
    Grid<std::uint64_t, 2> bytes(nodes.size(), nodes.size());
    for (auto& b : bytes.values()) b = random.below(3) == 0 ? 0 : random.below(100'000);
    for (std::uint64_t const doubled : {0, 16'384}) {
        std::vector<std::uint64_t> counted(nodes.size()), arrivals, seen(nodes.size()), got(nodes.size());
        for (std::size_t source = 0; source < nodes.size(); ++source) {
            for (std::size_t to = 0; to < nodes.size(); ++to) {
                auto const wire = bytes(source, to) * (bytes(source, to) <= doubled ? 2 : 1);
                seen[source] += wire;
                got[to] += source == to ? 0 : wire;
            }
        }
        auto const look = [&](std::size_t source, auto, std::uint64_t sum) { counted[source] += sum; };
        auto const expected = by_paths(t, bytes, doubled),
                   found = t.crossing_bytes(bytes, doubled, look, &arrivals);
        EXPECT_EQ(counted, seen) << machine.name;
        EXPECT_EQ(arrivals, got) << machine.name;
        EXPECT_EQ(t.crossing_bytes(bytes, doubled), found) << machine.name;
        for (std::size_t r = 0; r < expected.size(); ++r)
            EXPECT_EQ(found[r], expected[r]) << machine.name << ", " << t.resources()[r].name;
    }
}

TEST(CrossingBytes, AreThoseOfAllPathsOnEveryDescribedMachine) {
    for (auto const& entry : std::filesystem::directory_iterator(home() / "bench/topologies")) {
        auto const machine = read_machine(entry.path());
        for (std::size_t const ranks : {1, 2, 20, 72})
            expect_same(machine, std::vector<int>(ranks, 0), ranks);
    }
}

TEST(CrossingBytes, AreThoseOfAllPathsOnOddMachines) {
    std::string const head =
        "name = \"m\"\ndescription = \"d\"\n[rank]\nout_bytes_per_s = 100\nin_bytes_per_s = 90\n";
    std::string const nodes =
        "[node]\nranks = 4\nnics = 2\nnic_out_bytes_per_s = 10\nnic_in_bytes_per_s = 9\n";
    std::string const rails = "[leaf]\nnodes = 2\nwiring = \"rail\"\n";
    for (auto const& text :
         {nodes + rails + "oversubscription = 2\n",
          nodes + rails + "crossing = \"forwarded\"\nup_bytes_per_s = 3\n",
          nodes + "[leaf]\nnodes = 3\ndown_bytes_per_s = 3\n",
          nodes + "[socket]\nranks = 2\nout_bytes_per_s = 5\nin_bytes_per_s = 6\n",
          "network = \"past_port\"\n" + nodes + rails + "crossing = \"forwarded\"\noversubscription = 1\n",
          nodes + "nic_of_rank = [1, 0, 1, 1]\n" + rails +
              "crossing = \"forwarded\"\noversubscription = 1\n"})
        for (std::size_t const ranks : {4, 9, 22})
            expect_same(read_machine_text(head + text), std::vector<int>(ranks, 0), ranks);
}

TEST(CrossingBytes, FollowRanksThatAreNotInBlocks) {
    MachineDescription machine;
    machine.name = "scattered";
    machine.rank_out_bytes_per_s = machine.rank_in_bytes_per_s = 10;
    machine.node_memory_bytes_per_s = 5;
    machine.nic_out_bytes_per_s = machine.nic_in_bytes_per_s = 1;
    expect_same(machine, {0, 2, 1, 0, 1, 2, 2, 0}, 1);
}

TEST(CrossingBytes, FollowAProductNetwork) {
    expect_same(read_machine_text("topology: [ Ring, FullyConnected, Switch ]\nnpus_count: [ 4, 2, 3 ]\n"
                                  "bandwidth: [ 50.0, 25, 10 ]\nlatency: [ 500, 0, 1 ]\n",
                                  "net.yml"),
                std::vector<int>(24, 0), 3);
}

}  // namespace
}  // namespace moewire
