// Leaves, rails, sockets, sites and product networks: which way a byte goes, and what is refused.
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/machines.hpp"

namespace moewire {
namespace {

using Names = std::vector<std::string>;

std::string const head = "name = \"m\"\ndescription = \"d\"\n";
std::string const cards = "[node]\nranks = 2\nnics = 2\nnic_out_bytes_per_s = 10\nnic_in_bytes_per_s = 10\n";

Topology on(std::string const& text, std::size_t ranks) {
    return {read_machine_text(head + text), std::vector<int>(ranks, 0)};
}

double capacity_of(Topology const& t, std::string const& name) {
    for (auto const& r : t.resources())
        if (r.name == name) return r.capacity_bytes_per_s;
    return -1;
}

TEST(Leaves, OfNodesAreCrossedBetweenGroupsAlone) {
    auto const t = on(cards + "[leaf]\nnodes = 2\noversubscription = 4\n", 8);
    EXPECT_EQ(crossed(t, 0, 2), (Names{"node 0 NIC 0 out", "node 1 NIC 0 in"}));
    EXPECT_EQ(crossed(t, 1, 6), (Names{"node 0 NIC 1 out", "leaf 0 up", "leaf 1 down", "node 3 NIC 0 in"}));
    EXPECT_EQ(capacity_of(t, "leaf 0 up"), 2 * 2 * 10 / 4.0);
}

TEST(Leaves, OfRailsAreCrossedBetweenRails) {
    auto const t =
        on(cards + "[leaf]\nnodes = 4\nwiring = \"rail\"\nup_bytes_per_s = 7\ndown_bytes_per_s = 8\n", 4);
    EXPECT_EQ(crossed(t, 0, 2), (Names{"node 0 NIC 0 out", "node 1 NIC 0 in"}));
    EXPECT_EQ(crossed(t, 0, 3), (Names{"node 0 NIC 0 out", "leaf 0 up", "leaf 1 down", "node 1 NIC 1 in"}));
}

TEST(Leaves, AreSparedWhereANeighbourForwards) {
    auto const t =
        on("[rank]\nout_bytes_per_s = 100\nin_bytes_per_s = 100\nnetwork = \"past_port\"\n" + cards +
               "[leaf]\nnodes = 4\nwiring = \"rail\"\ncrossing = \"forwarded\"\noversubscription = 1\n",
           4);
    EXPECT_EQ(crossed(t, 0, 2), (Names{"node 0 NIC 0 out", "node 1 NIC 0 in"}));
    EXPECT_EQ(crossed(t, 0, 3), (Names{"rank 0 out", "rank 1 in", "node 0 NIC 1 out", "node 1 NIC 1 in"}));
    EXPECT_EQ(crossed(t, 0, 1), (Names{"rank 0 out", "rank 1 in"}));
}

TEST(Sockets, AreLeftAndEntered) {
    auto const t = on("[node]\nranks = 4\n[socket]\nranks = 2\nout_bytes_per_s = 5\nin_bytes_per_s = 6\n", 8);
    EXPECT_TRUE(crossed(t, 0, 1).empty());
    EXPECT_EQ(crossed(t, 4, 7), (Names{"node 1 socket 0 out", "node 1 socket 1 in"}));
    EXPECT_TRUE(crossed(t, 0, 4).empty());
}

TEST(UnequalNodes, AreFilledInOrder) {
    auto const t = on("[node]\nranks = [3, 1, 2]\n", 8);
    std::vector<int> nodes;
    for (RankId const rank : ids<RankId>(8)) nodes.push_back(t.node_of(rank));
    EXPECT_EQ(nodes, (std::vector<int>{0, 0, 0, 1, 2, 2, 3, 3}));
}

std::string const sites = R"(
[node]
ranks = 1
[[site]]
name = "a"
nodes = 1
[[site]]
name = "b"
nodes = 1
[[site]]
name = "c"
nodes = 1
)";
std::string const a_to_b = "[[link]]\nfrom = \"a\"\nto = \"b\"\nbytes_per_s = 100\nback_bytes_per_s = 50\n";
std::string const b_to_c =
    "[[link]]\nfrom = \"c\"\nto = \"b\"\nbytes_per_s = 1e9\nlatency_s = 0.05\nwindow_bytes = "
    "1000\nconnections = 3\n";

TEST(Sites, AreJoinedByARouteOfLinks) {
    auto const t = on("latency_s = 1e-3\n" + sites + a_to_b + b_to_c, 4);
    EXPECT_EQ(crossed(t, 0, 1), (Names{"link a to b"}));
    EXPECT_EQ(crossed(t, 0, 2), (Names{"link a to b", "link b to c"}));
    EXPECT_EQ(crossed(t, 2, 0), (Names{"link c to b", "link b to a"}));
    EXPECT_TRUE(crossed(t, 2, 3).empty()) << "further nodes belong to the last site";
    EXPECT_EQ(capacity_of(t, "link b to a"), 50);
    // Three windows of 1,000 bytes in each round trip of 0.1 s.
    EXPECT_DOUBLE_EQ(capacity_of(t, "link c to b"), 30000);
    EXPECT_DOUBLE_EQ(t.latency_s(RankId{0}, RankId{2}), 1e-3 + 0.05);
    EXPECT_DOUBLE_EQ(t.latency_s(RankId{0}, RankId{1}), 1e-3);
}

TEST(Products, GoAlongOneDimensionAfterTheOther) {
    auto const t =
        on("[[dimension]]\nkind = \"ring\"\nranks = 4\nbytes_per_s = 1\nlatency_s = 1\n"
           "[[dimension]]\nkind = \"switch\"\nranks = 2\nbytes_per_s = 2\nlatency_s = 10\n"
           "[[dimension]]\nkind = \"fully_connected\"\nranks = 3\nbytes_per_s = 3\nlatency_s = 100\n",
           24);
    EXPECT_EQ(crossed(t, 0, 2), (Names{"rank 0 dimension 0 next", "rank 1 dimension 0 next"}));
    EXPECT_EQ(crossed(t, 0, 3), (Names{"rank 0 dimension 0 previous"}));
    EXPECT_EQ(crossed(t, 1, 4 + 2),
              (Names{"rank 1 dimension 0 next", "rank 2 dimension 1 out", "rank 6 dimension 1 in"}));
    EXPECT_EQ(crossed(t, 0, 16), (Names{"rank 0 dimension 2 to place 2"}));
    EXPECT_DOUBLE_EQ(t.latency_s(RankId{0}, RankId{2 + 4 + 16}), 2 + 10 + 100);
    EXPECT_THROW(on("[[dimension]]\nkind = \"ring\"\nranks = 4\nbytes_per_s = 1\n", 3), Error);
}

struct BadNetwork {
    std::string text;
    char const* fragment;
};
class ImpossibleNetwork : public testing::TestWithParam<BadNetwork> {};

TEST_P(ImpossibleNetwork, IsRefusedWithReasonAndKey) {
    try {
        read_machine_text(head + GetParam().text);
        FAIL() << "accepted";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_NE(std::string(error.what()).find(GetParam().fragment), std::string::npos) << error.what();
    }
}

INSTANTIATE_TEST_SUITE_P(
    Files, ImpossibleNetwork,
    testing::Values(
        BadNetwork{sites + a_to_b + b_to_c + "[[link]]\nfrom=\"a\"\nto=\"c\"\nbytes_per_s=1\n",
                   "link[2] closes a cycle between 'a' and 'c'"},
        BadNetwork{sites + a_to_b, "site[2] 'c' is disconnected from 'a'"},
        BadNetwork{sites, "site[1] 'b' is disconnected"},
        BadNetwork{sites + "[[link]]\nfrom=\"a\"\nto=\"a\"\nbytes_per_s=1\n",
                   "link[0] joins 'a' with itself"},
        BadNetwork{sites + "[[link]]\nfrom=\"a\"\nto=\"z\"\nbytes_per_s=1\n", "link[0].to names 'z'"},
        BadNetwork{sites + "[[link]]\nfrom=\"a\"\nto=\"b\"\nbytes_per_s=-1\n", "link[0].bytes_per_s is -1"},
        BadNetwork{sites + "[[link]]\nfrom=\"a\"\nto=\"b\"\n", "link[0].bytes_per_s is missing"},
        BadNetwork{sites + "[[link]]\nfrom=\"a\"\nto=\"b\"\nbytes_per_s=1\nwindow_bytes=9\n",
                   "needs latency_s"},
        BadNetwork{a_to_b, "link[0].from names 'a'"},
        BadNetwork{"[[site]]\nname=\"a\"\nnodes=1\n[[site]]\nname=\"a\"\nnodes=1\n",
                   "site[1].name is 'a' again"},
        BadNetwork{"[site]\nname=\"a\"\n", "site is no list of tables"},
        BadNetwork{"[leaf]\nnodes = 2\noversubscription = 2\n", "leaf.oversubscription needs"},
        BadNetwork{cards + "[leaf]\nnodes = 2\noversubscription = 2\nup_bytes_per_s = 1\n", "stands beside"},
        BadNetwork{"[leaf]\nnodes = 2\ncrossing = \"forwarded\"\n", "without rails"},
        BadNetwork{"[leaf]\nnodes = 2\nwiring = \"star\"\n", "leaf.wiring is 'star'"},
        BadNetwork{"[leaf]\nwiring = \"rail\"\n", "leaf.nodes is missing"},
        BadNetwork{"[node]\nranks = 2\nnics = 2\nnic_of_rank = [0, 2]\n", "names card 2 of 2"},
        BadNetwork{"[node]\nranks = []\n", "node.ranks is no list of counts"},
        BadNetwork{"[node]\nranks = [2, 0]\n", "node.ranks holds what is not a count"},
        BadNetwork{"[[dimension]]\nkind=\"ring\"\nranks=4\nbytes_per_s=1\n[node]\nranks=4\n",
                   "keep one kind"},
        BadNetwork{"[[dimension]]\nkind=\"torus\"\nranks=4\nbytes_per_s=1\n", "dimension[0].kind is 'torus'"},
        BadNetwork{"rank = 3\n", "rank is no table"}));

}  // namespace
}  // namespace moewire
