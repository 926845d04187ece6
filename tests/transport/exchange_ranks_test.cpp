#include <cstring>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/registry.hpp"
#include "support/catalogue.hpp"
#include "support/world.hpp"
#include "transport/exchange.hpp"

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

class EveryExchange : public testing::TestWithParam<std::string> {
  protected:
    std::unique_ptr<Exchange> make() {
        auto const& backend = Registry<ExchangeBackend>::instance().at(GetParam()).value;
        if (backend.waive(world())) return nullptr;
        return make_exchange(GetParam(), world());
    }
};

TEST_P(EveryExchange, EveryByteArrivesInPlaceThereAndBack) {
    auto const exchange = make();
    if (!exchange) GTEST_SKIP() << "waived here";
    for (std::int64_t const row_bytes : {1, 3, 64, 512}) {
        for (std::uint64_t seed = 0; seed < 4; ++seed) {
            auto const plan = plan_for(row_bytes, seed);
            auto const bytes = [&](std::int64_t rows) { return static_cast<std::size_t>(rows * row_bytes); };
            std::vector<std::byte> send(bytes(plan.total_send_rows())), got(bytes(plan.total_receive_rows()));
            std::vector<std::byte> expected(got.size()), back(send.size());
            std::size_t out = 0, in = 0;
            for (int peer = 0; peer < world().size(); ++peer) {
                for (std::int64_t i = 0; i < plan.send_rows[static_cast<std::size_t>(peer)];
                     ++i, out += bytes(1)) {
                    fill(std::span(send).subspan(out, bytes(1)), rank(), peer, i);
                }
                for (std::int64_t i = 0; i < plan.receive_rows[static_cast<std::size_t>(peer)];
                     ++i, in += bytes(1)) {
                    fill(std::span(expected).subspan(in, bytes(1)), peer, rank(), i);
                }
            }
            exchange->run(plan, send, got);
            EXPECT_EQ(got, expected) << row_bytes << " bytes, seed " << seed;
            exchange->run(plan.reversed(), got, back);
            EXPECT_EQ(back, send);
        }
    }
}

TEST_P(EveryExchange, NothingToSendIsFine) {
    auto const exchange = make();
    if (!exchange) GTEST_SKIP() << "waived here";
    std::vector<std::int64_t> const none(static_cast<std::size_t>(world().size()));
    exchange->run({16, none, none}, {}, {});
    SUCCEED();
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryExchange, testing::ValuesIn(catalogue_names<ExchangeBackend>()),
                         parameter_name);

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
