// The decoder against transformers 5.17, on every fixture model, rank count and placement.
#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/registry.hpp"
#include "checkpoint/checkpoint.hpp"
#include "model/scoring.hpp"
#include "support/compare.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

// Experts and their weights in turn, sorted within each token: not all routers sort their picks. A wrong
// expert differs by one at least.
std::vector<float> by_expert(std::span<std::int32_t const> picks, std::span<float const> weights,
                             std::size_t top_k) {
    std::vector<float> sorted;
    for (std::size_t begin = 0; begin + top_k <= weights.size(); begin += top_k) {
        std::vector<std::pair<std::int32_t, float>> of_token;
        for (std::size_t c = 0; c < top_k; ++c) of_token.emplace_back(picks[begin + c], weights[begin + c]);
        std::sort(of_token.begin(), of_token.end());
        for (auto const& [expert, weight] : of_token) sorted.insert(sorted.end(), {float(expert), weight});
    }
    return sorted;
}

class Parity : public testing::TestWithParam<std::string> {};

TEST_P(Parity, LogitsAndPicksEqualTransformersUnderEveryPlacement) {
    Expected const expected(GetParam());
    auto const model = LanguageModel::load(fixture_model(GetParam()), {});
    // Every placement and replication with one row an expert; the other payloads with copies and without.
    std::vector<std::pair<std::string, std::string>> cases;
    for (auto const& strategy : Registry<Strategy>::instance().entries())
        cases.emplace_back(strategy.name, "per_expert");
    for (auto const& payload : Registry<Dispatcher>::instance().entries()) {
        cases.emplace_back("eplb_replicated", payload.name);
        cases.emplace_back("random", payload.name);
    }
    std::map<std::string, std::vector<float>> contiguous;  // the logits of each set
    std::swap(*std::find(cases.begin(), cases.end(),
                         std::pair<std::string, std::string>("contiguous", "per_expert")),
              cases.front());
    for (auto const& [strategy, payload] : cases) {
        TestParallel const parallel(*model, strategy, payload);
        for (std::string const set : {"short", "long"}) {
            auto const tokens = expected.tokens(set);
            auto const mine = my_share(tokens);
            Wanted wanted;
            wanted.read_out = ReadOut::keep;
            wanted.router = true;
            auto const result = model->forward(mine, parallel.view(), wanted);
            if (mine.empty()) continue;

            auto const first = my_first(tokens);
            auto const all = expected.values<float>(set + ".logits");
            auto const share = std::span(all).subspan(first * tokens.extent(1) * model->facts().vocabulary,
                                                      result.logits.size());
            EXPECT_LE(largest_difference(result.logits.row(), share), 1e-5 * scale_of(all))
                << strategy << " " << payload << " " << set;
            if (contiguous[set].empty()) contiguous[set] = result.logits.values();
            EXPECT_LE(largest_difference(result.logits.row(), contiguous[set]), 2e-6 * scale_of(all))
                << strategy << " " << payload << " " << set;

            for (std::size_t layer = 0; layer < result.routing.layers(); ++layer) {
                auto const number = std::to_string(layer);
                auto const scores = expected.values<float>(set + ".router." + number);
                auto const picks = expected.values<std::int32_t>(set + ".experts." + number);
                auto const begin = first * tokens.extent(1);
                auto const experts = result.router_logits.extent(2), top_k = result.routing.top_k();
                EXPECT_LE(largest_difference(result.router_logits.row(layer),
                                             std::span(scores).subspan(begin * experts)),
                          1e-5 * scale_of(scores));
                auto const weights = expected.values<float>(set + ".weights." + number);
                auto const from = begin * top_k;
                EXPECT_LE(
                    largest_difference(
                        by_expert(result.routing.picks.row(layer), result.router_weights.row(layer), top_k),
                        by_expert(std::span(picks).subspan(from), std::span(weights).subspan(from), top_k)),
                    1e-5 * scale_of(weights))
                    << set << " layer " << layer;
            }
        }
    }
}

TEST_P(Parity, PerplexityIsThatOfTheLogits) {
    Expected const expected(GetParam());
    auto const model = LanguageModel::load(fixture_model(GetParam()), {});
    TestParallel const parallel(*model, "random");
    auto const tokens = expected.tokens("short");
    auto const score = score_windows(*model, my_share(tokens), 1, parallel.view(), [](std::int64_t) {});
    auto const logits = expected.values<float>("short.logits");
    auto const width = static_cast<std::size_t>(model->facts().vocabulary), length = tokens.extent(1);
    double nll = 0;
    for (std::size_t s = 0; s < 2; ++s) {
        for (std::size_t p = 0; p + 1 < length; ++p) {
            auto const row = std::span(logits).subspan((s * length + p) * width, width);
            double total = 0;
            for (float const v : row) total += std::exp(static_cast<double>(v));
            nll += std::log(total) - row[static_cast<std::size_t>(tokens(s, p + 1))];
        }
    }
    EXPECT_EQ(score.targets, static_cast<std::int64_t>(2 * (length - 1)));
    EXPECT_NEAR(score.perplexity() / std::exp(nll / static_cast<double>(2 * (length - 1))), 1, 1e-5);
    EXPECT_EQ(score.routing.tokens(), my_share(tokens).size());
}

// Experts' rows are shared among threads, and a thread's part may begin inside an expert's.
TEST_P(Parity, ThreadsChangeNothing) {
    Expected const expected(GetParam());
    auto const model = LanguageModel::load(fixture_model(GetParam()), {});
    TestParallel const parallel(*model, "round_robin");
    auto const mine = my_share(expected.tokens("long"));
    Wanted wanted;
    wanted.read_out = ReadOut::keep;
    auto const before = compute_threads();
    std::vector<std::vector<float>> logits;
    for (int const threads : {1, 2, 3}) {
        set_compute_threads(threads);
        auto const values = model->forward(mine, parallel.view(), wanted).logits;
        logits.emplace_back(values.values().begin(), values.values().end());
    }
    set_compute_threads(before);
    for (auto const& others : {logits[1], logits[2]})
        EXPECT_LE(largest_difference(others, logits[0]), 1e-5 * scale_of(logits[0]));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Parity, testing::ValuesIn(fixture_models()), [](auto const& p) {
    auto name = p.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

TEST(LongRope, ConfigsRuleTakesTheLongFactors) {
    for (std::string const name : {"phimoe-even", "phimoe-odd"}) {
        Expected const expected(name);
        ModelOptions options;
        options.long_rope = LongRope::config;
        auto const model = LanguageModel::load(fixture_model(name), options);
        TestParallel const parallel(*model, "contiguous");
        auto const tokens = expected.tokens("long");
        auto const mine = my_share(tokens);
        Wanted wanted;
        wanted.read_out = ReadOut::keep;
        auto const result = model->forward(mine, parallel.view(), wanted);
        if (mine.empty()) continue;
        auto const all = expected.values<float>("long.logits_config");
        auto const share = std::span(all).subspan(
            my_first(tokens) * tokens.extent(1) * model->facts().vocabulary, result.logits.size());
        EXPECT_LE(largest_difference(result.logits.row(), share), 1e-5 * scale_of(all)) << name;
    }
}

TEST(Loading, ARankReadsOnlyItsExpertsBytes) {
    for (auto const& name : fixture_models()) {
        auto const model = LanguageModel::load(fixture_model(name), {});
        auto const dense = model->bytes_read();
        TestParallel const parallel(*model, "contiguous");
        auto const mine = model->bytes_read() - dense;
        std::size_t slots = 0;
        for (LayerId const layer : ids<LayerId>(model->facts().layers))
            slots += parallel.assignment().slots_on(layer, world().rank());
        auto const checkpoint = Checkpoint::open(fixture_model(name));
        std::uint64_t all = 0;
        for (auto const& tensor : checkpoint.names()) {
            if (tensor.find(".experts.") != std::string::npos) all += checkpoint.at(tensor).bytes();
        }
        auto const of_each = static_cast<std::uint64_t>(model->facts().layers * model->facts().experts);
        EXPECT_EQ(all % of_each, 0u);
        EXPECT_EQ(mine, slots * (all / of_each)) << name;
    }
}

TEST(Loading, WrongTokenIdsAreRefusedOnAllRanks) {
    auto const model = LanguageModel::load(fixture_model("mixtral-odd"), {});
    TestParallel const parallel(*model, "contiguous");
    Grid<std::int32_t, 2> tokens(1, 4);
    tokens(0, 2) = world().is_root() ? 61 : 0;
    try {
        model->forward(tokens, parallel.view(), {});
        ADD_FAILURE() << "token 61 of 61 was accepted";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_EQ(error.audience(), Audience::all_ranks);
    }
}

}  // namespace
}  // namespace moewire
