// Policies against plain loops, and what each says of itself against what it does.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "model/policy.hpp"
#include "model/rerouting.hpp"
#include "model/scoring.hpp"
#include "support/catalogue.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"

namespace moewire {
namespace {

constexpr std::int64_t tokens = 96, experts = 8;

RouterSettings const softmax_router{RouterKind::softmax, 2, true, 0};
RouterSettings const sparse_mixer{RouterKind::sparse_mixer, 2, false, 0.01};

at::Tensor some_logits(std::uint64_t seed, std::int64_t count = tokens) {
    Random random(seed, "logits");
    auto logits = at::empty({count, experts}, at::kFloat);
    for (std::int64_t i = 0; i < logits.numel(); ++i)
        logits.data_ptr<float>()[i] = static_cast<float>(4 * random.uniform() - 2 + (i % experts == 3));
    return logits;
}

std::unique_ptr<Policy> policy_of(std::string const& text, std::int64_t top_k = 2) {
    auto const spec = parse_spec(text);
    auto const& entry = Registry<RoutingPolicy>::instance().at(spec.name).value;
    return entry.make({3, experts, top_k, 5, Settings(entry.settings, spec)});
}

PolicyScope scope_of(std::string const& text) {
    auto const spec = parse_spec(text);
    auto const& entry = Registry<RoutingPolicy>::instance().at(spec.name).value;
    return entry.scope(Settings(entry.settings, spec));
}

std::int64_t pick(RouterOutput const& route, std::int64_t token, std::int64_t choice) {
    return route.experts[token][choice].item<std::int64_t>();
}

std::vector<std::string> all_variants() {
    auto names = catalogue_names<RoutingPolicy>();
    names.insert(names.end(),
                 {"capacity:drop=position", "loss_free_bias:update=online", "balanced:memory=running"});
    return names;
}

class EveryPolicy : public testing::TestWithParam<std::string> {};

TEST_P(EveryPolicy, PicksAreDistinctRealOrDroppedWithoutWeight) {
    for (auto const& router : {softmax_router, sparse_mixer}) {
        auto const policy = policy_of(GetParam());
        for (std::int64_t const count : {tokens, std::int64_t{1}, std::int64_t{0}}) {
            auto const route = policy->route(LayerId{1}, router, some_logits(3, count));
            ASSERT_EQ(route.experts.sizes(), (at::IntArrayRef{count, 2}));
            ASSERT_EQ(route.weights.sizes(), (at::IntArrayRef{count, 2}));
            for (std::int64_t t = 0; t < count; ++t) {
                for (std::int64_t c = 0; c < 2; ++c) {
                    auto const weight = route.weights[t][c].item<float>();
                    ASSERT_TRUE(std::isfinite(weight));
                    ASSERT_TRUE(pick(route, t, c) != no_pick || weight == 0);
                    ASSERT_TRUE(pick(route, t, c) >= no_pick && pick(route, t, c) < experts);
                }
                ASSERT_TRUE(pick(route, t, 0) == no_pick || pick(route, t, 0) != pick(route, t, 1));
            }
        }
    }
}

TEST_P(EveryPolicy, LooksNoFurtherThanItSays) {
    auto const logits = some_logits(3);
    auto changed = logits.clone();
    changed.narrow(0, tokens / 2, tokens / 2).copy_(some_logits(4).narrow(0, 0, tokens / 2).flip(1) * 3);
    auto const a = policy_of(GetParam())->route(LayerId{0}, softmax_router, logits);
    auto const b = policy_of(GetParam())->route(LayerId{0}, softmax_router, changed);
    bool const same = a.experts.narrow(0, 0, tokens / 2).equal(b.experts.narrow(0, 0, tokens / 2)) &&
                      a.weights.narrow(0, 0, tokens / 2).equal(b.weights.narrow(0, 0, tokens / 2));
    EXPECT_EQ(same, scope_of(GetParam()) != PolicyScope::whole_batch)
        << "the first half of a batch " << (same ? "did not see" : "saw") << " the second";
    if (scope_of(GetParam()) != PolicyScope::token) return;
    // Tokens that look at nothing else come out the same one by one, but for where they stand in the batch.
    auto const whole = policy_of(GetParam())->route(LayerId{0}, softmax_router, logits);
    auto const first = policy_of(GetParam())->route(LayerId{0}, softmax_router, logits.narrow(0, 0, 1));
    EXPECT_TRUE(first.experts.equal(whole.experts.narrow(0, 0, 1)));
}

TEST_P(EveryPolicy, LearnsOnlyWhatItsScopeAllows) {
    auto const policy = policy_of(GetParam());
    auto const before = policy->route(LayerId{0}, softmax_router, some_logits(3));
    Grid<std::int64_t, 2> counts(3, experts);
    counts(0, 3) = 10000;
    for (int i = 0; i < 200; ++i) policy->learn(counts);
    auto const after = policy->route(LayerId{0}, softmax_router, some_logits(3));
    bool const learns = GetParam().starts_with("balanced") || GetParam().starts_with("loss_free_bias");
    EXPECT_EQ(before.experts.equal(after.experts), !learns);
    if (!learns) return;
    auto const load = [&](RouterOutput const& r) { return r.experts.eq(3).sum().item<std::int64_t>(); };
    EXPECT_LT(load(after), load(before));
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryPolicy, testing::ValuesIn(all_variants()), [](auto const& p) {
    auto name = p.param;
    for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    return name;
});

// The written rule, the long way: chosen experts keep their weight; each other takes, in order, the weight of
// the router's next expert that was not chosen.
TEST(Rerouting, SparseMixerWeightsFollowTheRule) {
    auto const logits = some_logits(8);
    auto const native = route_natively(sparse_mixer, logits);
    Random random(2, "picks");
    auto chosen = at::empty({tokens, 2}, at::kLong);
    for (std::int64_t t = 0; t < tokens; ++t) {
        auto const order = random.permutation(experts);
        chosen[t][0] = order[0];
        chosen[t][1] = order[1];
        if (t % 4 == 0) chosen[t][1] = pick(native, t, t % 8 == 0 ? 0 : 1);
        if (pick({chosen, {}}, t, 0) == pick({chosen, {}}, t, 1)) chosen[t][0] = (order[0] + 1) % experts;
    }
    auto const route = reroute(sparse_mixer, logits, chosen, WeightRule::inherit);
    for (std::int64_t t = 0; t < tokens; ++t) {
        std::vector<std::int64_t> left;
        for (std::int64_t n = 0; n < 2; ++n) {
            auto const e = pick(native, t, n);
            if (e != pick(route, t, 0) && e != pick(route, t, 1)) left.push_back(n);
        }
        for (std::int64_t c = 0; c < 2; ++c) {
            std::int64_t from = -1;
            for (std::int64_t n = 0; n < 2; ++n) {
                if (pick(native, t, n) == pick(route, t, c)) from = n;
            }
            if (from < 0) from = left.front(), left.erase(left.begin());
            ASSERT_EQ(route.weights[t][c].item<float>(), native.weights[t][from].item<float>()) << t;
        }
    }
    EXPECT_TRUE(
        reroute(sparse_mixer, logits, native.experts, WeightRule::inherit).weights.equal(native.weights));
    auto const plain = reroute(sparse_mixer, logits, chosen, WeightRule::softmax);
    EXPECT_TRUE(plain.weights.allclose(at::softmax(logits, -1).gather(1, chosen)));
}

TEST(Rerouting, SoftmaxRoutersGiveSharesRenormalised) {
    auto const logits = some_logits(8);
    auto const native = route_natively(softmax_router, logits);
    auto const route = reroute(softmax_router, logits, native.experts.flip(1), WeightRule::inherit);
    EXPECT_TRUE(route.weights.allclose(native.weights.flip(1)));
}

// Capacity, the long way.
TEST(Capacity, DropsWhatAPlainLoopDrops) {
    for (bool const by_score : {true, false}) {
        for (double const factor : {0.5, 1.0, 1.25, 4.0}) {
            auto const logits = some_logits(9);
            auto const native = route_natively(softmax_router, logits);
            auto const shares = at::softmax(logits, -1);
            auto const limit = static_cast<std::size_t>(std::ceil(factor * 2 * tokens / experts));
            std::vector<std::int64_t> rows(2 * tokens);
            std::iota(rows.begin(), rows.end(), 0);
            auto const expert = [&](std::int64_t row) { return pick(native, row / 2, row % 2); };
            auto const score = [&](std::int64_t row) { return shares[row / 2][expert(row)].item<float>(); };
            if (by_score)
                std::stable_sort(rows.begin(), rows.end(),
                                 [&](auto a, auto b) { return score(a) > score(b); });
            std::vector<std::size_t> taken(experts);
            std::vector<bool> kept(2 * tokens);
            for (auto const row : rows) {
                auto& count = taken[static_cast<std::size_t>(expert(row))];
                kept[static_cast<std::size_t>(row)] = count++ < limit;
            }
            auto const route =
                policy_of(fmt::format("capacity:factor={}:drop={}", factor, by_score ? "score" : "position"))
                    ->route(LayerId{0}, softmax_router, logits);
            std::int64_t dropped = 0;
            for (std::int64_t row = 0; row < 2 * tokens; ++row) {
                auto const is_kept = kept[static_cast<std::size_t>(row)];
                ASSERT_EQ(pick(route, row / 2, row % 2), is_kept ? expert(row) : no_pick) << row;
                dropped += !is_kept;
            }
            EXPECT_EQ(dropped > 0, factor < 4);
        }
    }
}

TEST(DeviceLimited, ExpertsComeFromTheBestGroups) {
    auto const logits = some_logits(10);
    auto const shares = at::softmax(logits, -1);
    auto const route =
        policy_of("device_limited:devices=4:limit=1")->route(LayerId{0}, softmax_router, logits);
    for (std::int64_t t = 0; t < tokens; ++t) {
        double best = -1;
        std::int64_t group = 0;
        for (std::int64_t g = 0; g < 4; ++g) {
            double const score = shares[t][2 * g].item<float>() + shares[t][2 * g + 1].item<float>();
            if (score > best) best = score, group = g;
        }
        ASSERT_EQ(pick(route, t, 0) / 2, group);
        ASSERT_EQ(pick(route, t, 1) / 2, group);
    }
    EXPECT_THROW(policy_of("device_limited:devices=8:limit=1"), Error);
}

TEST(Sinkhorn, EvensOutWhatTheRouterPilesUp) {
    auto const logits = some_logits(11);
    auto const worst = [&](char const* name) {
        auto const route = policy_of(name)->route(LayerId{0}, softmax_router, logits);
        return at::bincount(route.experts.reshape({-1}), {}, experts).max().item<std::int64_t>();
    };
    EXPECT_LT(worst("sinkhorn"), worst("native"));
    EXPECT_LT(worst("load_aware"), worst("native"));
    EXPECT_EQ(worst("round_robin"), 2 * tokens / experts);
}

class PolicyInModel : public testing::TestWithParam<std::string> {};

TEST_P(PolicyInModel, RunsOnEveryArchitectureAndNativeIsTheBaseline) {
    for (auto const& name : {"mixtral-even", "olmoe-even", "phimoe-even"}) {
        auto const model = LanguageModel::load(fixture_model(name), {});
        TestParallel const parallel(*model, "contiguous");
        auto const windows = share_of(Expected(name).tokens("short"), world().rank(), world().size());
        auto const quiet = [](std::int64_t) {};
        auto const plain = score_windows(*model, windows, 1, parallel.view(), quiet);
        auto policy = model->make_policy(GetParam(), 3);
        policy->freeze();
        ScoreRequest request;
        request.wanted.first_target = 1;
        request.wanted.policy = policy.get();
        auto const silent = [](ForwardResult const&) {};
        auto const score = score_windows(*model, windows, request, parallel.view(), silent);
        auto const again = score_windows(*model, windows, request, parallel.view(), silent);
        EXPECT_TRUE(std::isfinite(score.perplexity()));
        EXPECT_EQ(score.nll_sum, again.nll_sum) << "frozen, yet not the same twice";
        EXPECT_EQ(plain.rerouted, 0);
        EXPECT_EQ(score.choices, plain.choices);
        if (GetParam() == "native") {
            EXPECT_EQ(score.nll_sum, plain.nll_sum);
            EXPECT_EQ(score.rerouted, 0);
        }
        if (GetParam() == "random" || GetParam() == "round_robin") {
            EXPECT_GT(score.rerouted, score.choices / 4);
            EXPECT_NE(score.nll_sum, plain.nll_sum);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, PolicyInModel, testing::ValuesIn(catalogue_names<RoutingPolicy>()),
                         parameter_name);

TEST(Policy, UnknownNamesFamiliesAndSettingsAreRefused) {
    auto const model = LanguageModel::load(fixture_model("mixtral-even"), {});
    for (auto const* spec :
         {"nothing", "placement:random", "random:seed=1", "capacity:factor=0", "balanced:weight=x"})
        EXPECT_THROW(model->make_policy(spec, 0), Error) << spec;
    EXPECT_NO_THROW(model->make_policy("policy:random", 0));
}

}  // namespace
}  // namespace moewire
