#include "topology/topology.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/machines.hpp"

namespace moewire {
namespace {

constexpr char const* two_nodes = R"(
name = "pair"
description = "Two nodes."
latency_s = 2e-6
[rank]
out_bytes_per_s = 100e9
in_bytes_per_s = 50e9
[node]
ranks = 2
nic_out_bytes_per_s = 10e9
nic_in_bytes_per_s = 20e9
)";

TEST(Topology, PathsCrossPortsAndNics) {
    Topology const t(read_machine_text(two_nodes), {0, 0, 0, 0});
    EXPECT_EQ(t.node_of(RankId{3}), 1);
    EXPECT_EQ(crossed(t, 0, 1), (std::vector<std::string>{"rank 0 out", "rank 1 in"}));
    EXPECT_EQ(crossed(t, 1, 2),
              (std::vector<std::string>{"rank 1 out", "node 0 NIC out", "node 1 NIC in", "rank 2 in"}));
    EXPECT_TRUE(crossed(t, 2, 2).empty());
}

TEST(Topology, AbsentValuesLimitNothing) {
    Topology const t(
        read_machine_text("name = \"x\"\ndescription = \"y\"\n[node]\nmemory_bytes_per_s = 1e9\n"),
        {0, 0, 1});
    EXPECT_EQ(crossed(t, 0, 1), (std::vector<std::string>{"node 0 memory"}));
    EXPECT_TRUE(crossed(t, 0, 2).empty());
}

struct BadFile {
    char const* text;
    char const* fragment;
};
class BadMachineFile : public testing::TestWithParam<BadFile> {};

TEST_P(BadMachineFile, IsRefusedWithItsKey) {
    try {
        read_machine_text(GetParam().text);
        FAIL() << "accepted";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_NE(std::string(error.what()).find(GetParam().fragment), std::string::npos) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadMachineFile,
    testing::Values(
        BadFile{"name = ", "not valid TOML"}, BadFile{"description = \"d\"", "name is missing"},
        BadFile{"name=\"a\"\ndescription=\"d\"\nspeed=1", "speed is not a known key"},
        BadFile{"name=\"a\"\ndescription=\"d\"\n[rank]\nout_bytes_per_s=-1", "rank.out_bytes_per_s is -1"},
        BadFile{"name=\"a\"\ndescription=\"d\"\n[rank]\nout_bytes_per_s=\"fast\"", "is not a number"},
        BadFile{"name=\"a\"\ndescription=\"d\"\n[node]\nranks=1.5", "node.ranks is not a count"},
        BadFile{"name=\"a\"\ndescription=\"d\"\n[rank]\nin_bytes_per_s=inf", "positive number"}));

}  // namespace
}  // namespace moewire
