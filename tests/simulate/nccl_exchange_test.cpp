// The few numbers of an exchange against counting message by message.
#include "simulate/nccl_exchange.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace moewire {
namespace {

using Bytes = std::uint64_t;

NcclExchange message_by_message(Grid<Bytes, 2> const& bytes, Bytes most_ll_bytes) {
    auto const ranks = bytes.extent(0);
    std::vector<Bytes> out(ranks), in(ranks);
    std::vector<int> sent(ranks), got(ranks);
    NcclExchange exchange;
    for (std::size_t s = 0; s < ranks; ++s)
        for (std::size_t d = 0; d < ranks; ++d) {
            Bytes const one = bytes(s, d);
            exchange.total_bytes += one;
            exchange.longest_bytes = std::max(exchange.longest_bytes, one);
            if (s == d || one == 0) continue;
            out[s] += one, in[d] += one, ++sent[s], ++got[d];
            if (one <= most_ll_bytes) exchange.has_ll = true;
            if (one > most_ll_bytes) exchange.protocol = NcclProtocol::simple;
        }
    exchange.busiest_rank_bytes = std::max(std::ranges::max(out), std::ranges::max(in));
    exchange.messages = std::max(std::ranges::max(sent), std::ranges::max(got));
    return exchange;
}

void expect_same(Grid<Bytes, 2> const& bytes) {
    MachineDescription const machine;
    Topology const topology(machine, std::vector<int>(bytes.extent(0), 0));
    NcclMachine const nccl(topology, {});
    auto const found = nccl_exchange({topology, bytes}, nccl.rules());
    auto const expected = message_by_message(bytes, nccl.rules().most_ll_bytes());
    EXPECT_EQ(found.total_bytes, expected.total_bytes);
    EXPECT_EQ(found.busiest_rank_bytes, expected.busiest_rank_bytes);
    EXPECT_EQ(found.longest_bytes, expected.longest_bytes);
    EXPECT_EQ(found.messages, expected.messages);
    EXPECT_EQ(found.has_ll, expected.has_ll);
    EXPECT_EQ(found.protocol, expected.protocol);
}

TEST(NcclExchange, IsThatOfItsMessages) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        Random random(seed, "nccl exchange");
        std::size_t const ranks = 1 + random.below(19);
        Bytes const most = seed % 3 == 0 ? 9'000 : 90'000'000;
        Grid<Bytes, 2> bytes(ranks, ranks);
        // From no zeros at all to hardly anything else.
        std::uint64_t const share = seed % 5;
        for (auto& one : bytes.values()) one = random.below(5) < share ? 0 : 1 + random.below(most);
        expect_same(bytes);
    }
}

TEST(NcclExchange, CountsWhatOneRankGetsFromAllOthers) {
    Grid<Bytes, 2> bytes(9, 9);
    for (std::size_t s = 0; s < 9; ++s) bytes(s, 4) = 1'000'000;
    expect_same(bytes);
}

TEST(NcclExchange, CountsOneRowThatIsFullAmongEmptyOnes) {
    Grid<Bytes, 2> bytes(9, 9);
    for (std::size_t d = 0; d < 9; ++d) bytes(3, d) = 1 + d;
    expect_same(bytes);
}

}  // namespace
}  // namespace moewire
