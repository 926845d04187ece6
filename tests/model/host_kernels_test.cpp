// The one-pass kernels against plain sums in double, over shapes that end inside tiles, blocks and vectors.
#include "model/host_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "model/derivatives.hpp"
#include "model/head_loss.hpp"
#include "model/host_attention.hpp"

namespace moewire {
namespace {

at::Tensor noise(at::IntArrayRef shape, std::uint64_t seed) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    return at::randn(shape, generator, at::kFloat);
}

double relative_difference(at::Tensor const& a, at::Tensor const& b) {
    auto const wide = b.to(at::kDouble);
    return ((a.to(at::kDouble) - wide).abs().max() / wide.abs().max()).item<double>();
}

class HostKernels : public testing::Test {
  protected:
    void SetUp() override {
        if (!host_kernels::suit(at::zeros({1}))) GTEST_SKIP() << "this processor lacks AVX2 and FMA";
    }
    at::NoGradGuard const no_gradients_;
};

TEST_F(HostKernels, NormsEqualTheirFormula) {
    for (std::int64_t const width : {1, 7, 8, 30, 128}) {
        auto const x = noise({5, 3, width}, 1), gain = noise({width}, 2);
        auto const wide = x.to(at::kDouble);
        auto const expected = wide * at::rsqrt(wide.square().mean(-1, true) + 1e-5) * gain.to(at::kDouble);
        EXPECT_LT(relative_difference(host_kernels::rms_norm(x, gain, 1e-5), expected), 1e-6) << width;
        auto const strided = noise({4, 2 * width}, 3).narrow(1, width, width);
        EXPECT_LT(relative_difference(host_kernels::rms_norm(strided, gain, 1e-5),
                                      host_kernels::rms_norm(strided.contiguous(), gain, 1e-5)),
                  1e-7);
    }
}

TEST_F(HostKernels, SwigluEqualsItsFormulaEverywhere) {
    for (std::int64_t const width : {1, 5, 8, 17, 64}) {
        auto gate_up = noise({9, 2 * width}, 4) * 30;
        gate_up.index_put_({0, 0}, 500.0F);
        gate_up.index_put_({1, 0}, -500.0F);
        auto const halves = gate_up.to(at::kDouble).chunk(2, -1);
        EXPECT_LT(relative_difference(host_kernels::swiglu(gate_up),
                                      halves[0] * at::sigmoid(halves[0]) * halves[1]),
                  1e-6)
            << width;
    }
}

TEST_F(HostKernels, NormsGoBackByTheirDerivative) {
    c10::AutoGradMode const with_gradients(true);
    auto const leaf = [](at::Tensor const& x) { return x.detach().requires_grad_(true); };
    for (std::int64_t const rows : {1, 300})
        for (std::int64_t const width : {1, 7, 8, 30, 128}) {
            auto const x = leaf(noise({rows, width}, 1)), gain = leaf(noise({width}, 2));
            auto const wide = leaf(x.to(at::kDouble)), wide_gain = leaf(gain.to(at::kDouble));
            auto const slope = noise({rows, width}, 3);
            auto const found = differentiable_rms_norm(x, gain, 1e-5);
            auto const expected = wide * at::rsqrt(wide.square().mean(-1, true) + 1e-5) * wide_gain;
            torch::autograd::backward({found}, {slope});
            torch::autograd::backward({expected}, {slope.to(at::kDouble)});
            // A row of one number has a length and no direction: its gradient all but cancels.
            auto const of_x = width == 1 ? 1.0 : wide.grad().abs().max().item<double>();
            EXPECT_LT((x.grad() - wide.grad()).abs().max().item<double>(), 1e-5 * of_x) << width;
            EXPECT_LT(relative_difference(gain.grad(), wide_gain.grad()), 1e-5) << width;
        }
}

TEST_F(HostKernels, WeightedRowsComeTogetherAndGoBack) {
    c10::AutoGradMode const with_gradients(true);
    auto const leaf = [](at::Tensor const& x) { return x.detach().requires_grad_(true); };
    for (std::int64_t const top_k : {1, 2, 5})
        for (std::int64_t const width : {3, 8, 40}) {
            std::int64_t const tokens = 70;
            auto generator = at::make_generator<at::CPUGeneratorImpl>(4);
            auto const order = at::randperm(tokens * top_k, generator, at::kLong), place = order.argsort();
            auto const results = leaf(noise({tokens * top_k, width}, 1)),
                       weights = leaf(noise({tokens, top_k}, 2));
            auto const hidden = leaf(noise({tokens, width}, 3));
            auto const wide = leaf(results.to(at::kDouble)), wide_weights = leaf(weights.to(at::kDouble)),
                       wide_hidden = leaf(hidden.to(at::kDouble));
            auto const slope = noise({tokens, width}, 4), row_slope = noise({tokens * top_k, width}, 5);
            auto const found = combined_by_token(results, order, place, weights);
            auto const expected =
                (wide.index_select(0, place).view({tokens, top_k, width}) * wide_weights.unsqueeze(2)).sum(1);
            EXPECT_LT(relative_difference(found, expected), 2e-6);
            torch::autograd::backward({found}, {slope});
            torch::autograd::backward({expected}, {slope.to(at::kDouble)});
            EXPECT_LT(relative_difference(results.grad(), wide.grad()), 2e-6);
            EXPECT_LT(relative_difference(weights.grad(), wide_weights.grad()), 5e-6);
            torch::autograd::backward({gathered_by_slot(hidden, order, place, top_k)}, {row_slope});
            torch::autograd::backward({wide_hidden.index_select(0, at::floor_divide(order, top_k))},
                                      {row_slope.to(at::kDouble)});
            EXPECT_LT(relative_difference(hidden.grad(), wide_hidden.grad()), 2e-6);
        }
}

TEST_F(HostKernels, SwigluGoesBackByItsDerivative) {
    for (std::int64_t const width : {1, 5, 8, 17, 64}) {
        auto const gate_up = noise({9, 2 * width}, 5) * 3, slope = noise({9, width}, 6);
        auto const halves = gate_up.to(at::kDouble).chunk(2, -1);
        auto const share = at::sigmoid(halves[0]), wide = slope.to(at::kDouble);
        auto const of_gate = wide * halves[1] * share * (1 + halves[0] * (1 - share));
        auto const expected = at::cat({of_gate, wide * halves[0] * share}, -1);
        EXPECT_LT(relative_difference(host_kernels::swiglu_back(gate_up, slope), expected), 2e-6) << width;
    }
}

TEST_F(HostKernels, CrossEntropyIsAtensAndItsGradient) {
    for (std::int64_t const width : {1, 7, 8, 33, 500}) {
        auto logits = noise({11, width}, 7) * 8;
        auto const targets = at::arange(11, at::kLong).remainder(width);
        auto const expect_equal = [&] {
            c10::AutoGradMode const with_gradients(true);
            auto const wide = logits.to(at::kDouble).detach().requires_grad_(true);
            auto const expected = at::cross_entropy_loss(wide, targets, {}, at::Reduction::Sum);
            torch::autograd::backward({expected}, {at::ones_like(expected)});
            auto const found = logits.detach().clone();
            double const nll = host_kernels::cross_entropy_in_place(found, targets);
            EXPECT_NEAR(nll, expected.item<double>(), 1e-5 * std::abs(expected.item<double>()) + 1e-5)
                << width;
            EXPECT_TRUE(at::allclose(found.to(at::kDouble), wide.grad(), 1e-4, 1e-6)) << width;
        };
        expect_equal();
        logits.index_put_({3, width - 1}, 300.0F);  // its exponential alone is beyond fp32
        expect_equal();
    }
}

TEST_F(HostKernels, WhatIsNoNumberStaysNone) {
    for (float const bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        for (std::int64_t const place : {0, 5, 16}) {
            auto logits = noise({2, 17}, 8);
            logits.index_put_({1, place}, bad);
            EXPECT_FALSE(
                std::isfinite(host_kernels::cross_entropy_in_place(logits, at::zeros({2}, at::kLong))));
            EXPECT_TRUE(logits[0].isfinite().all().item<bool>());
            EXPECT_FALSE(logits[1].isfinite().any().item<bool>()) << place;
        }
    }
}

// Rows are taken 128 at a time, or as many as they are wide.
TEST_F(HostKernels, TheLossOfAHeadIsAtensForwardAndBack) {
    c10::AutoGradMode const with_gradients(true);
    for (std::int64_t const rows : {1, 127, 300})
        for (std::int64_t const width : {5, 160})
            for (bool const has_bias : {false, true}) {
                auto const leaf = [](at::Tensor const& x) { return x.detach().requires_grad_(true); };
                std::vector<at::Tensor> found{leaf(noise({rows, width}, 1)), leaf(noise({61, width}, 2))};
                if (has_bias) found.push_back(leaf(noise({61}, 3)));
                std::vector<at::Tensor> wide;
                for (auto const& one : found) wide.push_back(leaf(one.to(at::kDouble)));
                auto const targets = at::arange(rows, at::kLong).remainder(61);
                auto const loss =
                    head_cross_entropy(found[0], found[1], has_bias ? found[2] : at::Tensor(), targets) *
                    0.125;
                auto const logits =
                    at::linear(wide[0], wide[1], has_bias ? std::optional(wide[2]) : std::nullopt);
                auto const expected = at::cross_entropy_loss(logits, targets, {}, at::Reduction::Sum) * 0.125;
                torch::autograd::backward({loss}, {at::ones_like(loss)});
                torch::autograd::backward({expected}, {at::ones_like(expected)});
                EXPECT_NEAR(loss.item<double>(), expected.item<double>(), 1e-5 * expected.item<double>());
                for (std::size_t i = 0; i < found.size(); ++i)
                    EXPECT_LT(relative_difference(found[i].grad(), wide[i].grad()), 1e-5)
                        << rows << " rows of " << width << ", tensor " << i;
            }
}

TEST_F(HostKernels, AFrozenHeadHasNoGradient) {
    c10::AutoGradMode const with_gradients(true);
    auto const hidden = noise({9, 8}, 1).requires_grad_(true), head = noise({20, 8}, 2);
    auto const loss = head_cross_entropy(hidden, head, {}, at::zeros({9}, at::kLong));
    torch::autograd::backward({loss}, {at::ones_like(loss)});
    EXPECT_TRUE(hidden.grad().defined());
    EXPECT_FALSE(head.grad().defined());
}

struct Shape {
    std::int64_t sequences, heads, kv_heads, positions, past, dim, value_dim;
    std::optional<std::int64_t> window;
};

// Every score in double, none left out.
at::Tensor attend_plainly(at::Tensor const& q, at::Tensor const& k, at::Tensor const& v, double scale,
                          std::optional<std::int64_t> window) {
    auto const group = q.size(1) / k.size(1), keys = k.size(2), positions = q.size(2);
    auto const all = [&](at::Tensor const& x) { return x.to(at::kDouble).repeat_interleave(group, 1); };
    auto seen = at::ones({positions, keys}, at::kBool).tril(keys - positions);
    if (window) seen = seen.triu(keys - positions + 1 - *window);
    auto const scores = at::matmul(q.to(at::kDouble), all(k).transpose(2, 3)) * scale;
    auto const shares =
        at::softmax(scores.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity()), -1);
    return at::matmul(shares, all(v));
}

std::vector<Shape> const shapes{
    {1, 2, 1, 1, 0, 8, 8, {}},        {2, 4, 2, 63, 0, 16, 16, {}},   {1, 2, 2, 64, 0, 32, 32, {}},
    {1, 3, 1, 65, 0, 24, 8, {}},      {2, 2, 1, 200, 0, 8, 40, {}},   {1, 2, 1, 1, 130, 16, 16, {}},
    {1, 4, 1, 70, 61, 16, 24, {}},    {1, 2, 2, 150, 0, 16, 16, 7},   {1, 2, 1, 130, 70, 8, 8, 64},
    {1, 2, 1, 100, 300, 16, 16, 129}, {1, 1, 1, 140, 0, 16, 16, 500},
};

TEST_F(HostKernels, AttentionEqualsPlainSums) {
    for (auto const& s : shapes) {
        auto const keys = s.past + s.positions;
        // Heads behind positions in memory, as the projections leave them, and scores of all sizes.
        auto const q = (noise({s.sequences, s.positions, s.heads, s.dim}, 5) * 4).transpose(1, 2);
        auto const k = noise({s.sequences, keys, s.kv_heads, s.dim}, 6).transpose(1, 2);
        auto const v = noise({s.sequences, s.kv_heads, keys, s.value_dim}, 7);
        ASSERT_TRUE(host_kernels::suit_attention(q, k, v));
        auto const mixed = host_kernels::attend(q, k, v, 0.3, s.window);
        EXPECT_EQ(mixed.sizes(), at::IntArrayRef({s.sequences, s.heads, s.positions, s.value_dim}));
        EXPECT_LT(relative_difference(mixed, attend_plainly(q, k, v, 0.3, s.window)), 3e-6)
            << s.positions << " behind " << s.past;
    }
}

TEST_F(HostKernels, AttentionToWhatIsNoNumberIsNone) {
    for (float const bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        auto const q = noise({1, 1, 70, 8}, 1), v = noise({1, 1, 70, 8}, 3);
        auto k = noise({1, 1, 70, 8}, 2);
        k.index_put_({0, 0, 66, 2}, bad);
        auto const sees = host_kernels::attend(q, k, v, 0.3, {}).isfinite().all(-1).flatten();
        EXPECT_TRUE(sees.narrow(0, 0, 66).all().item<bool>());
        EXPECT_FALSE(sees.narrow(0, 66, 4).any().item<bool>());
    }
}

TEST_F(HostKernels, AttentionGoesBackByItsDerivative) {
    c10::AutoGradMode const with_gradients(true);
    for (auto const& s : shapes) {
        auto const leaf = [](at::Tensor const& x) { return x.detach().requires_grad_(true); };
        auto const keys = s.past + s.positions;
        std::vector<at::Tensor> const found{
            leaf((noise({s.sequences, s.positions, s.heads, s.dim}, 5) * 4).transpose(1, 2)),
            leaf(noise({s.sequences, keys, s.kv_heads, s.dim}, 6).transpose(1, 2)),
            leaf(noise({s.sequences, s.kv_heads, keys, s.value_dim}, 7))};
        std::vector<at::Tensor> wide;
        for (auto const& one : found) wide.push_back(leaf(one.to(at::kDouble)));
        auto const slope = noise({s.sequences, s.positions, s.heads, s.value_dim}, 8).transpose(1, 2);
        auto const mixed = differentiable_attention(found[0], found[1], found[2], 0.3, s.window);
        auto const expected = attend_plainly(wide[0], wide[1], wide[2], 0.3, s.window);
        torch::autograd::backward({mixed}, {slope});
        torch::autograd::backward({expected}, {slope.to(at::kDouble)});
        // One key has all of the share, whatever its score: such gradients are 0.
        for (std::size_t i = 0; i < found.size(); ++i)
            EXPECT_LT((found[i].grad() - wide[i].grad()).abs().max().item<double>(),
                      1e-5 * std::max(1.0, wide[i].grad().abs().max().item<double>()))
                << s.positions << " behind " << s.past << ", tensor " << i;
    }
}

TEST_F(HostKernels, OddDimensionsAreLeftToOthers) {
    auto const odd = noise({1, 2, 5, 12}, 8), even = noise({1, 2, 5, 16}, 9);
    EXPECT_FALSE(host_kernels::suit_attention(odd, odd, odd));
    EXPECT_FALSE(host_kernels::suit_attention(even, even, odd));
    EXPECT_FALSE(host_kernels::suit(even.to(at::kBFloat16)));
}

}  // namespace
}  // namespace moewire
