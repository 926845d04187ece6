// NCCL's rules against the table that was worked out from its sources, and against what its logs say.
#include "simulate/nccl_rules.hpp"

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace moewire {
namespace {

constexpr std::uint64_t kib = 1024, mib = kib * kib;

NcclJob two_h200(int version) {
    return {.version = version, .ranks = 2, .ranks_per_node = 2, .nvlinks = 18, .collective_channels = 24};
}

NcclJob dgx(int version, int nodes) {
    return {.version = version,
            .ranks = 8 * nodes,
            .nodes = nodes,
            .ranks_per_node = 8,
            .collective_channels = 32};
}

TEST(NcclRules, AgreeWithTheLogOfTwoH200) {
    // "24 coll channels, ... 32 p2p channels, 32 p2p channels per peer", "P2P Chunksize set to 524288": NCCL
    // 2.28.9.
    NcclRules const rules(two_h200(22809));
    EXPECT_EQ(rules.p2p_channels(), 32);
    EXPECT_EQ(rules.channels_per_peer(), 32);
    EXPECT_EQ(rules.chunk_bytes(), 524'288);
    EXPECT_EQ(rules.channels_of(256 * mib), 16);
    EXPECT_EQ(rules.channels_of(256 * mib + 1), 32);
}

TEST(NcclRules, AgreeWithTheLogOfTwoNodesOfTwoH20) {
    // "8 coll channels, 0 collnet channels, 0 nvls channels, 8 p2p channels, 2 p2p channels per peer":
    // NVIDIA/nccl issue 1189, four ranks on two nodes.
    NcclRules const rules({.version = 22203,
                           .ranks = 4,
                           .nodes = 2,
                           .ranks_per_node = 2,
                           .nics_per_rank = 1,
                           .collective_channels = 8});
    EXPECT_EQ(rules.p2p_channels(), 8);
    EXPECT_EQ(rules.channels_per_peer(), 2);
    EXPECT_EQ(rules.chunk_bytes(), 131'072);
}

TEST(NcclRules, CutMessagesOfEightRanksAsWorkedOut) {
    NcclRules const rules(dgx(23007, 1));
    EXPECT_EQ(rules.p2p_channels(), 32);
    for (auto const& [bytes, channels] : std::vector<std::pair<std::uint64_t, int>>{{0, 1},
                                                                                    {1, 1},
                                                                                    {64 * kib, 1},
                                                                                    {128 * kib, 2},
                                                                                    {256 * kib, 4},
                                                                                    {64 * mib, 4},
                                                                                    {64 * mib + 1, 8},
                                                                                    {128 * mib, 8},
                                                                                    {256 * mib, 16}})
        EXPECT_EQ(rules.channels_of(bytes), channels) << bytes;
}

TEST(NcclRules, HalveChannelsAsRanksGrow) {
    for (auto const& [nodes, channels, batches] :
         std::vector<std::array<int, 3>>{{8, 4, 1}, {16, 2, 1}, {32, 1, 1}, {64, 1, 2}, {128, 1, 4}}) {
        NcclRules const rules(dgx(23007, nodes));
        EXPECT_EQ(rules.channels_per_peer(), channels) << nodes;
        EXPECT_EQ(rules.batches(8 * nodes, channels), batches) << nodes;
        EXPECT_EQ(rules.chunk_bytes(), 131'072);
    }
}

TEST(NcclRules, BeforeThatCountedCardsAlone) {
    // 2.28 starts from two channels a card and halves once eight peers would share one.
    EXPECT_EQ(NcclRules(dgx(22809, 8)).channels_per_peer(), 2);
    EXPECT_EQ(NcclRules(dgx(22809, 16)).channels_per_peer(), 1);
    auto asked = dgx(23007, 128);
    asked.channels_per_net_peer = 8;  // what NVIDIA/nccl issue 1272 set by hand
    EXPECT_EQ(NcclRules(asked).channels_per_peer(), 8);
}

TEST(NcclRules, ChooseTheProtocolByBytesOfAChannel) {
    // 2.30 counts the channels that the message gets, 2.28 those that its peer may have.
    EXPECT_EQ(NcclRules(dgx(23007, 1)).most_ll_bytes(), 16 * kib);
    EXPECT_EQ(NcclRules(two_h200(23007)).most_ll_bytes(), 16 * kib);
    EXPECT_EQ(NcclRules(two_h200(22809)).most_ll_bytes(), 512 * kib);
    NcclRules const rules(two_h200(22809));
    EXPECT_EQ(rules.protocol_of(512 * kib), NcclProtocol::ll);
    EXPECT_EQ(rules.protocol_of(512 * kib + 1), NcclProtocol::simple);
}

TEST(NcclRules, CutShortMessagesFinerOnTheNetwork) {
    NcclRules const rules(dgx(23007, 8));
    using Way = NcclRules::Way;
    EXPECT_EQ(rules.chunk_of(100 * kib, Way::over_network), 32 * 1024);
    EXPECT_EQ(rules.chunk_of(128 * kib, Way::over_network), 64 * 1024);
    EXPECT_EQ(rules.chunk_of(8 * 128 * kib, Way::over_network), 128 * 1024);
    EXPECT_EQ(rules.chunk_of(100 * kib, Way::within_node), 128 * 1024);
}

TEST(NcclRules, NameEveryEdgeWhereAMessageIsTreatedOtherwise) {
    for (auto const& job : {two_h200(22809), two_h200(23007), dgx(22809, 1), dgx(23007, 1), dgx(23007, 8),
                            NcclJob{.ranks = 8, .ranks_per_node = 8, .link = NcclLink::pcie}}) {
        NcclRules const rules(job);
        std::set<std::uint64_t> const edges(rules.edges_bytes().begin(), rules.edges_bytes().end());
        std::uint64_t last = 1;
        auto const same = [&](std::uint64_t a, std::uint64_t b) {
            return rules.channels_of(a) == rules.channels_of(b) &&
                   rules.protocol_of(a) == rules.protocol_of(b) &&
                   rules.chunk_of(a, NcclRules::Way::over_network) ==
                       rules.chunk_of(b, NcclRules::Way::over_network);
        };
        for (auto const edge : edges) {
            EXPECT_TRUE(same(last, edge)) << last << " to " << edge;
            last = edge + 1;
        }
        EXPECT_TRUE(same(last, last * 1000));
    }
}

TEST(NcclRules, PairEveryRankWithEveryOtherOnce) {
    for (int const nodes : {1, 3, 8, 16}) {
        NcclRules const rules(dgx(23007, nodes));
        for (int source = 0; source < 8 * nodes; source += 7) {
            std::set<int> rounds;
            for (int to = 0; to < 8 * nodes; ++to) rounds.insert(rules.round_of(source, to));
            EXPECT_EQ(rounds.size(), 8u * static_cast<unsigned>(nodes));
            EXPECT_EQ(*rounds.rbegin(), 8 * nodes - 1);
            EXPECT_EQ(rules.round_of(source, source), 0);
        }
    }
    // 16 nodes of 8 make 16 groups: their comment's example, 0, 1, 3, 6, 10, 15, 5, 12, 4, 13, ...
    NcclRules const rules(dgx(23007, 16));
    for (int place = 0; int const distance : {0, 1, 3, 6, 10, 15, 5, 12, 4, 13, 7, 2, 14, 11, 9, 8})
        EXPECT_EQ(rules.round_of(0, 8 * distance), 8 * place++);
}

TEST(NcclRules, RunAtMostEightMessagesOnAChannelAtOnce) {
    for (int const nodes : {1, 2, 8, 64}) {
        NcclRules const rules(dgx(23007, nodes));
        for (int const channels : {1, 2, rules.channels_per_peer()}) {
            std::map<std::pair<int, int>, int> works;  // of a channel and a batch
            for (int round = 0; round < 8 * nodes; ++round) {
                int const first = rules.first_channel_of_round(round);
                for (int part = 0; part < channels; ++part)
                    ++works[{(first + part) % rules.p2p_channels(), rules.batch_of_round(round, channels)}];
            }
            int most = 0;
            for (auto const& [where, count] : works) most = std::max(most, count);
            EXPECT_LE(most, 8) << nodes << " nodes, " << channels << " channels";
            EXPECT_EQ(most, rules.sharing(8 * nodes, channels))
                << nodes << " nodes, " << channels << " channels";
        }
    }
}

TEST(NcclRules, AreRefusedForVersionsThatNobodyRead) {
    for (int const version : {21805, 22105, 23100, 30000}) {
        try {
            NcclRules const rules(two_h200(version));
            FAIL() << version;
        } catch (Error const& error) {
            EXPECT_EQ(error.exit_code(), 2);
            EXPECT_NE(std::string(error.what()).find("are not known"), std::string::npos) << error.what();
        }
    }
}

TEST(NcclVersion, IsReadAsTheLogWritesIt) {
    EXPECT_EQ(nccl_version_of("2.28.9+cuda13.0"), 22809);
    EXPECT_EQ(nccl_version_of("2.30.7"), 23007);
    for (auto const* bad : {"", "2", "2.28", "two", "2.28.x", "-1.2.3", "2.280.1"})
        EXPECT_THROW(nccl_version_of(bad), Error) << bad;
}

}  // namespace
}  // namespace moewire
