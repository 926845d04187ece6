#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "assignment/strategy.hpp"
#include "base/registry.hpp"
#include "support/catalogue.hpp"
#include "support/routing.hpp"
#include "support/world.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

// Every (source, token, choice) must reach the rank that holds its expert, grouped by that rank's slots, and
// the way back must lead to where it started.
class EveryDispatcher : public testing::TestWithParam<std::string> {};

TEST_P(EveryDispatcher, PlansLeadEveryRowToItsExpertAndBack) {
    std::int32_t const experts = 7;
    std::size_t const top_k = 2;
    auto const routing =
        random_routing(2, 50 + index_of(world().rank()) * 13, experts, top_k, index_of(world().rank()), 0.5);
    auto const demand = random_demand(2, world().size(), experts, 1);
    auto const exchange = make_exchange(default_exchange(world()), world());
    for (auto const& strategy : Registry<Strategy>::instance().entries()) {
        auto const assignment = make_plan(strategy.name, {demand, world().size(), 3});
        if (assignment.has_replicas()) continue;
        for (LayerId const layer : ids<LayerId>(2)) {
            auto const picks = routing.picks.row(layer);
            auto const plan = Registry<Dispatcher>::instance()
                                  .at(GetParam())
                                  .value.plan(world(), assignment, layer, picks, sizeof(std::int64_t));
            // The payload names the expert: 1000 * source row + expert.
            std::vector<std::int64_t> send, got(static_cast<std::size_t>(plan.exchange.total_receive_rows()));
            for (auto const row : plan.send_order)
                send.push_back(1000 * row + picks[static_cast<std::size_t>(row)]);
            exchange->run(plan.exchange, std::as_bytes(std::span(send)),
                          std::as_writable_bytes(std::span(got)));

            ASSERT_EQ(plan.slot_end.size(), assignment.slots_on(layer, world().rank()));
            ASSERT_EQ(plan.expert_order.size(), got.size());
            std::set<std::int64_t> seen(plan.expert_order.begin(), plan.expert_order.end());
            EXPECT_EQ(seen.size(), got.size());
            auto const held = assignment.experts_on(layer, world().rank());
            std::int64_t at = 0;
            for (std::size_t slot = 0; slot < held.size(); ++slot) {
                for (; at < plan.slot_end[slot]; ++at) {
                    auto const position = plan.expert_order[static_cast<std::size_t>(at)];
                    EXPECT_EQ(got[static_cast<std::size_t>(position)] % 1000,
                              static_cast<std::int64_t>(held[slot]));
                }
            }
            std::vector<std::int64_t> back(send.size());
            exchange->run(plan.exchange.reversed(), std::as_bytes(std::span(got)),
                          std::as_writable_bytes(std::span(back)));
            EXPECT_EQ(back, send);
        }
    }
}

TEST_P(EveryDispatcher, RanksWithoutTokensTakePart) {
    auto const tokens = world().is_root() ? std::size_t{20} : std::size_t{0};
    auto const routing = random_routing(1, tokens, 8, 2, 1);
    auto const assignment =
        make_plan("contiguous", {random_demand(1, world().size(), 8, 1), world().size(), 0});
    auto const plan = Registry<Dispatcher>::instance()
                          .at(GetParam())
                          .value.plan(world(), assignment, LayerId{0}, routing.picks.row(0), 4);
    EXPECT_EQ(plan.exchange.total_send_rows(), static_cast<std::int64_t>(2 * tokens));
    EXPECT_EQ(world().sum(plan.exchange.total_receive_rows()), 40);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryDispatcher, testing::ValuesIn(catalogue_names<Dispatcher>()),
                         parameter_name);

}  // namespace
}  // namespace moewire
