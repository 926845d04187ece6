#include <gtest/gtest.h>

#include "assignment/strategy.hpp"
#include "base/registry.hpp"
#include "support/catalogue.hpp"
#include "support/routing.hpp"
#include "support/world.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

std::size_t const top_k = 3;

// A whole layer with experts that multiply a token's one number by their id + 1.
std::vector<double> run_layer(DispatchPlan const& plan, Exchange& exchange, std::vector<double> const& tokens,
                              std::vector<float> const& weights, std::vector<ExpertId> const& held) {
    std::vector<double> home, away(static_cast<std::size_t>(plan.exchange.total_receive_rows()));
    for (auto const token : plan.token_of_sent)
        home.push_back(token == padding_row ? -1e9 : tokens[static_cast<std::size_t>(token)]);
    exchange.run(plan.exchange, std::as_bytes(std::span(home)), std::as_writable_bytes(std::span(away)));
    std::vector<double> answers(away.size());
    for (std::size_t slot = 0, row = 0; slot < plan.slot_end.size(); ++slot) {
        for (; row < static_cast<std::size_t>(plan.slot_end[slot]); ++row) {
            auto const at = static_cast<std::size_t>(plan.expert_order[row]);
            double const weight = plan.away_weights.empty() ? 1 : plan.away_weights[row];
            answers[at] += weight * away[at] * static_cast<double>(index_of(held[slot]) + 1);
        }
    }
    exchange.run(plan.exchange.reversed(), std::as_bytes(std::span(answers)),
                 std::as_writable_bytes(std::span(home)));
    std::vector<double> results(tokens.size());
    for (std::size_t token = 0; token < tokens.size(); ++token) {
        auto const begin = static_cast<std::size_t>(plan.home_start[token]);
        auto const end = token + 1 < tokens.size() ? static_cast<std::size_t>(plan.home_start[token + 1])
                                                   : plan.home_order.size();
        for (auto a = begin; a < end; ++a) {
            double const weight = plan.choice_of_answer.empty()
                                      ? 1
                                      : weights[static_cast<std::size_t>(plan.choice_of_answer[a])];
            results[token] += weight * home[static_cast<std::size_t>(plan.home_order[a])];
        }
    }
    return results;
}

// Every token must come back as the weighted sum of what its own experts make of it, whatever the placement,
// the copies, and the choices that were dropped.
class EveryDispatcher : public testing::TestWithParam<std::string> {
  public:
    DispatchPlan plan(Assignment const& assignment, LayerId layer, Routing const& routing,
                      std::vector<float> const& weights) const {
        return Registry<Dispatcher>::instance()
            .at(GetParam())
            .value.plan({world(), assignment, layer, routing.picks.row(layer), routing.top_k(), weights,
                         sizeof(double)});
    }
};

TEST_P(EveryDispatcher, TokensComeBackAsTheirExpertsSum) {
    std::int32_t const experts = 7;
    auto routing =
        random_routing(2, 50 + index_of(world().rank()) * 13, experts, top_k, index_of(world().rank()), 0.5);
    for (std::size_t i = 0; i < routing.picks.size(); i += 11) routing.picks.values()[i] = no_pick;
    for (std::size_t c = 0; c < top_k; ++c) routing.picks(0, 5, c) = no_pick;  // a token without experts
    std::vector<double> tokens;
    for (std::size_t t = 0; t < routing.tokens(); ++t)
        tokens.push_back(static_cast<double>(100 * index_of(world().rank()) + t));
    std::vector<float> weights;
    for (std::size_t i = 0; i < routing.tokens() * top_k; ++i)
        weights.push_back(0.25f + 0.5f * static_cast<float>(i % 3));
    auto const demand = random_demand(2, world().size(), experts, 1);
    auto const exchange = make_exchange(default_exchange(world()), world());
    for (auto const& strategy : Registry<Strategy>::instance().entries()) {
        auto const assignment = make_plan(strategy.name, {demand, world().size(), 3});
        for (LayerId const layer : ids<LayerId>(2)) {
            auto const made = plan(assignment, layer, routing, weights);
            auto const held = assignment.experts_on(layer, world().rank());
            auto const results = run_layer(made, *exchange, tokens, weights, held);
            for (std::size_t t = 0; t < tokens.size(); ++t) {
                double expected = 0;
                for (std::size_t c = 0; c < top_k; ++c) {
                    auto const pick = routing.picks(layer, t, c);
                    if (pick != no_pick) expected += weights[t * top_k + c] * tokens[t] * (pick + 1);
                }
                EXPECT_NEAR(results[t], expected, 1e-3) << strategy.name << " token " << t;
            }
            if (GetParam() == "padded") continue;  // its rows need everybody's demand: tests/measure
            auto const rows = Registry<Dispatcher>::instance()
                                  .at(GetParam())
                                  .value.rows(routing, Demand(), world().rank(), assignment);
            for (RankId const rank : ids<RankId>(world().size()))
                EXPECT_EQ(rows(layer, rank), made.exchange.send_rows[index_of(rank)]) << strategy.name;
        }
    }
}

TEST_P(EveryDispatcher, RanksWithoutTokensTakePart) {
    auto const tokens = world().is_root() ? std::size_t{20} : std::size_t{0};
    auto const routing = random_routing(1, tokens, 8, top_k, 1);
    auto const assignment =
        make_plan("contiguous", {random_demand(1, world().size(), 8, 1), world().size(), 0});
    auto const made = plan(assignment, LayerId{0}, routing, {});
    EXPECT_EQ(world().sum(made.exchange.total_send_rows()), world().sum(made.exchange.total_receive_rows()));
    EXPECT_EQ(made.home_start.size(), tokens);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryDispatcher, testing::ValuesIn(catalogue_names<Dispatcher>()),
                         parameter_name);

}  // namespace
}  // namespace moewire
