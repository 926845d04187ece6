// Every control gives what it claims, on every shape; and its check sees when it does not.
#include "routing/control.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "routing/imbalance.hpp"
#include "routing/imposed.hpp"
#include "support/catalogue.hpp"

namespace moewire {
namespace {

ControlRequest request(int ranks, int source, std::int64_t tokens, std::int32_t experts, std::int64_t top_k) {
    return {ranks, RankId{source}, 2, tokens, experts, top_k, 7, {}};
}

class EveryControl : public testing::TestWithParam<std::string> {};

TEST_P(EveryControl, GivesWhatItClaimsOnEveryShape) {
    for (auto const& [ranks, experts, top_k] : {std::tuple{4, 16, 2},
                                                {1, 8, 2},
                                                {8, 64, 8},
                                                {3, 7, 2},
                                                {4, 4, 1},
                                                {2, 16, 4},
                                                {5, 17, 3},
                                                {4, 6, 6}}) {
        for (std::int64_t const tokens : {0, 1, 7, 256, 1000}) {
            for (int source = 0; source < ranks; ++source) {
                // Its own defaults may ask for more than few experts allow; half as much always goes.
                auto spec = GetParam();
                if (spec == "lognormal")
                    spec += fmt::format(":maxvio={}", 0.5 * (experts / static_cast<double>(top_k) - 1));
                if (spec == "gini")
                    spec += fmt::format(":level={}", 0.5 * (1 - static_cast<double>(top_k) / experts));
                if (spec == "hot_rank")
                    spec += fmt::format(":share={}", (experts / ranks + (experts % ranks > 0)) /
                                                         static_cast<double>(experts));
                auto const r = request(ranks, source, tokens, experts, top_k);
                auto const routing = impose(spec, r);  // throws when its own check fails
                ASSERT_EQ(routing.picks.shape(), (std::array{std::size_t{2}, static_cast<std::size_t>(tokens),
                                                             static_cast<std::size_t>(top_k)}));
                ASSERT_EQ(routing.picks, impose(spec, r).picks) << "not the same twice";
            }
        }
    }
}

TEST_P(EveryControl, RefusesMoreDistinctExpertsThanThereAre) {
    EXPECT_THROW(impose(GetParam(), request(2, 0, 10, 16, 17)), Error);
    EXPECT_THROW(impose(GetParam(), request(2, 0, 10, 16, 0)), Error);
}

TEST_P(EveryControl, ItsCheckSeesAnotherRouting) {
    auto const r = request(4, 1, 500, 16, 2);
    auto const& control = Registry<Control>::instance().at(GetParam()).value;
    auto asked = r;
    asked.settings = Settings(control.settings, parse_spec(GetParam()));
    int refused = 0;
    for (auto const& other : catalogue_names<Control>()) {
        if (other != GetParam()) refused += !control.self_check(asked, impose(other, r)).empty();
    }
    // Perfect balance passes for uniform too; nothing passes for all.
    EXPECT_GE(refused, static_cast<int>(catalogue_names<Control>().size()) - 3) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryControl, testing::ValuesIn(catalogue_names<Control>()),
                         parameter_name);

std::vector<std::int64_t> counts(std::string const& spec, ControlRequest const& r) {
    auto const all = count_picks(impose(spec, r));
    return {all.row(0).begin(), all.row(0).end()};
}

TEST(Controls, ImposeTheirTarget) {
    auto const r = request(4, 0, 4000, 16, 2);
    EXPECT_NEAR(imbalance_of(counts("lognormal:maxvio=2.5", r)).max_over_mean, 3.5, 0.01);
    EXPECT_NEAR(imbalance_of(counts("gini:level=0.4", r)).gini, 0.4, 0.002);
    EXPECT_NEAR(imbalance_of(counts("gini:level=0.85", r)).gini, 0.85,
                0.002);  // the cap of one choice a token binds
    auto const hot = counts("hot_rank:share=0.7:rank=2", r);
    EXPECT_NEAR(static_cast<double>(hot[8] + hot[9] + hot[10] + hot[11]) / 8000, 0.7, 0.001);
    auto const zipf = counts("zipf:exponent=0.5:order=sorted", r);
    EXPECT_NEAR(static_cast<double>(zipf[0]) / static_cast<double>(zipf[3]), 2, 0.02);
    EXPECT_EQ(counts("one_hot:expert=5", r)[5], 4000);
}

TEST(Controls, RoundRobinLeavesNoRankIdleAtAnyMoment) {
    // Every source starts at another rank: the first choices of all sources together reach all ranks.
    std::vector<int> reached(4);
    for (int source = 0; source < 4; ++source) {
        auto const routing = impose("round_robin", request(4, source, 8, 16, 2));
        ++reached[static_cast<std::size_t>(routing.picks(0, 0, 0) / 4)];
    }
    EXPECT_EQ(reached, (std::vector{1, 1, 1, 1}));
}

TEST(Controls, WhatCannotBeReachedIsRefused) {
    auto const r = request(4, 0, 100, 8, 4);
    for (auto const* spec :
         {"lognormal:maxvio=1.5", "gini:level=0.6", "hot_rank:share=0.6", "one_hot:expert=8",
          "hot_rank:rank=4:share=0.2", "nothing", "placement:random", "zipf:power=2"}) {
        try {
            impose(spec, r);
            ADD_FAILURE() << spec;
        } catch (Error const& error) {
            EXPECT_EQ(error.exit_code(), 2) << spec;
        }
    }
}

TEST(Deal, CountsAreExactExpertsDistinctAndCompanyMixed) {
    Random random(3, "deal");
    std::vector<std::int64_t> const asked{100, 60, 20, 20, 0};
    auto const picks = deal(asked, 100, 2, random);
    std::vector<std::int64_t> got(5);
    std::set<std::pair<std::int32_t, std::int32_t>> pairs;
    for (std::size_t t = 0; t < 100; ++t) {
        EXPECT_NE(picks[2 * t], picks[2 * t + 1]);
        ++got[static_cast<std::size_t>(picks[2 * t])], ++got[static_cast<std::size_t>(picks[2 * t + 1])];
        pairs.insert(std::minmax(picks[2 * t], picks[2 * t + 1]));
    }
    EXPECT_EQ(got, asked);
    EXPECT_EQ(pairs.size(), 3u);  // expert 0 meets each of the others
}

}  // namespace
}  // namespace moewire
