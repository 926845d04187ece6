#include <algorithm>
#include <tuple>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/registry.hpp"
#include "measure/row_memory.hpp"
#include "support/catalogue.hpp"
#include "support/world.hpp"
#include "transport/exchange.hpp"
#include "transport/hierarchical.hpp"

namespace moewire {
namespace {

int rank() {
    return static_cast<int>(world().rank());
}

// Rows that source sends to destination: uneven, with zeros.
std::int64_t rows_between(int source, int destination, std::uint64_t seed) {
    return static_cast<std::int64_t>(mix64(seed + static_cast<std::uint64_t>(100 * source + destination)) %
                                     7) -
                       2 <
                   0
               ? 0
               : static_cast<std::int64_t>(
                     mix64(seed + static_cast<std::uint64_t>(100 * source + destination)) % 500);
}

void fill(std::span<std::byte> row, int source, int destination, std::int64_t index) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] =
            static_cast<std::byte>(source * 31 + destination * 17 + index * 7 + static_cast<std::int64_t>(i));
    }
}

ExchangePlan plan_for(std::int64_t row_bytes, std::uint64_t seed) {
    ExchangePlan plan{row_bytes, {}, {}};
    for (int peer = 0; peer < world().size(); ++peer) {
        plan.send_rows.push_back(rows_between(rank(), peer, seed));
        plan.receive_rows.push_back(rows_between(peer, rank(), seed));
    }
    return plan;
}

bool selected_gpu() {
    auto const gpus = usable_gpus();
    if (world().min(std::int64_t{gpus}) == 0) return false;
    use_gpu(rank() % gpus);
    return true;
}

// There and back, byte by byte, whatever rows go between ranks.
void expect_exact(Exchange& exchange, std::int64_t row_bytes, std::uint64_t seed) {
    auto const plan = with_all_rows(plan_for(row_bytes, seed), exchange, world());
    auto const bytes = [&](std::int64_t rows) { return static_cast<std::size_t>(rows * row_bytes); };
    ExchangeBuffers buffers(exchange.memory());
    auto const out_bytes = bytes(plan.total_send_rows()), in_bytes = bytes(plan.total_receive_rows());
    buffers.home.reserve(out_bytes);
    buffers.expert.reserve(in_bytes);
    std::vector<std::byte> sent(out_bytes), expected(in_bytes);
    std::size_t out = 0, in = 0;
    for (int peer = 0; peer < world().size(); ++peer) {
        for (std::int64_t i = 0; i < plan.send_rows[static_cast<std::size_t>(peer)]; ++i, out += bytes(1))
            fill(std::span(sent).subspan(out, bytes(1)), rank(), peer, i);
        for (std::int64_t i = 0; i < plan.receive_rows[static_cast<std::size_t>(peer)]; ++i, in += bytes(1))
            fill(std::span(expected).subspan(in, bytes(1)), peer, rank(), i);
    }
    auto const home = buffers.home.on_host(out_bytes), expert = buffers.expert.on_host(in_bytes);
    std::copy(sent.begin(), sent.end(), home.begin());
    buffers.home.push(out_bytes);
    exchange.run(plan, buffers.home.rows(out_bytes), buffers.expert.rows(in_bytes));
    buffers.expert.pull(in_bytes);
    EXPECT_TRUE(std::equal(expert.begin(), expert.end(), expected.begin()))
        << row_bytes << " bytes, seed " << seed;
    std::fill(home.begin(), home.end(), std::byte{0});
    buffers.home.push(out_bytes);
    exchange.run(plan.reversed(), buffers.expert.rows(in_bytes), buffers.home.rows(out_bytes));
    buffers.home.pull(out_bytes);
    EXPECT_TRUE(std::equal(home.begin(), home.end(), sent.begin())) << row_bytes << " bytes, seed " << seed;
}

class EveryExchange : public testing::TestWithParam<std::tuple<std::string, MemoryKind>> {
  protected:
    // Nothing, and why, where it is waived.
    std::unique_ptr<Exchange> make() {
        auto const& [name, memory] = GetParam();
        if (memory == MemoryKind::device && !selected_gpu()) {
            why_ = "no GPU can be used here";
            return nullptr;
        }
        auto const& backend = Registry<ExchangeBackend>::instance().at(name).value;
        if (auto const reason = backend.waive(world(), memory)) {
            why_ = *reason;
            return nullptr;
        }
        return make_exchange(name, world(), memory);
    }
    std::string why_;
};

TEST_P(EveryExchange, EveryByteArrivesInPlaceThereAndBack) {
    auto const exchange = make();
    if (!exchange) GTEST_SKIP() << "waived here: " << why_;
    for (std::int64_t const row_bytes : {1, 3, 64, 512}) {
        for (std::uint64_t seed = 0; seed < 4; ++seed) expect_exact(*exchange, row_bytes, seed);
    }
}

TEST_P(EveryExchange, NothingToSendIsFine) {
    auto const exchange = make();
    if (!exchange) GTEST_SKIP() << "waived here: " << why_;
    std::vector<std::int64_t> const none(static_cast<std::size_t>(world().size()));
    auto const plan = with_all_rows({16, none, none}, *exchange, world());
    exchange->run(plan, {}, {});
    exchange->run(plan.reversed(), {}, {});
    SUCCEED();
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryExchange,
                         testing::Combine(testing::ValuesIn(catalogue_names<ExchangeBackend>()),
                                          testing::Values(MemoryKind::host, MemoryKind::device)),
                         [](auto const& test) {
                             return std::get<0>(test.param) +
                                    (std::get<1>(test.param) == MemoryKind::host ? "_host" : "_device");
                         });

// Ranks dealt onto nodes in every way that matters: in blocks, in turn, unevenly, all apart.
TEST(Hierarchical, EveryByteArrivesWhereverRanksLive) {
    auto const ranks = static_cast<std::size_t>(world().size());
    std::vector<std::vector<int>> maps(4, std::vector<int>(ranks));
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        maps[0][rank] = static_cast<int>(2 * rank / ranks);
        maps[1][rank] = static_cast<int>(rank % 2);
        maps[2][rank] = rank + 1 == ranks ? 1 : 0;
        maps[3][rank] = static_cast<int>(rank);
    }
    if (ranks == 1) maps = {{0}};
    for (auto const& map : maps) {
        NodeMap const nodes{map, *std::max_element(map.begin(), map.end()) + 1, 1, {}};
        auto const exchange = make_hierarchical(world(), MemoryKind::host, nodes);
        for (std::uint64_t seed = 0; seed < 4; ++seed) expect_exact(*exchange, 48, seed);
    }
}

TEST(Exchange, WaivedBackendsSayWhy) {
    if (world().size() == 1) GTEST_SKIP() << "loopback runs on one rank";
    try {
        make_exchange("loopback", world());
        ADD_FAILURE() << "loopback ran on several ranks";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 3);
        EXPECT_EQ(error.audience(), Audience::all_ranks);
    }
}

TEST(Exchange, UnknownNameIsAUsageErrorOnAllRanks) {
    EXPECT_THROW(make_exchange("carrier_pigeon", world()), Error);
}

}  // namespace
}  // namespace moewire
