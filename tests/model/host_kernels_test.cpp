// The one-pass kernels against plain sums in double, over shapes that end inside tiles, blocks and vectors.
#include "model/host_kernels.hpp"

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

TEST_F(HostKernels, CrossEntropyIsAtensForwardAndBack) {
    for (std::int64_t const width : {1, 7, 8, 33, 500}) {
        auto logits = noise({11, width}, 7) * 8;
        auto const targets = at::arange(11, at::kLong).remainder(width);
        auto const expect_equal = [&](double scale) {
            c10::AutoGradMode const with_gradients(true);
            auto const wide = logits.to(at::kDouble).detach().requires_grad_(true);
            auto const fused = logits.detach().clone().requires_grad_(true);
            auto const expected = at::cross_entropy_loss(wide, targets, {}, at::Reduction::Sum) * scale;
            auto const found = summed_cross_entropy(fused, targets) * scale;
            torch::autograd::backward({expected}, {at::ones_like(expected)});
            torch::autograd::backward({found}, {at::ones_like(found)});
            EXPECT_NEAR(found.item<double>(), expected.item<double>(),
                        1e-5 * std::abs(expected.item<double>()) + 1e-5)
                << width;
            EXPECT_TRUE(at::allclose(fused.grad().to(at::kDouble), wide.grad(), 1e-4, 1e-6)) << width;
        };
        expect_equal(1);
        expect_equal(0.125);
        logits.index_put_({3, width - 1}, 300.0F);  // its exponential alone is beyond fp32
        expect_equal(1);
    }
}

TEST_F(HostKernels, WhatIsNoNumberStaysNone) {
    for (float const bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        for (std::int64_t const place : {0, 5, 16}) {
            auto logits = noise({2, 17}, 8);
            logits.index_put_({1, place}, bad);
            auto const totals = host_kernels::log_totals(logits);
            EXPECT_TRUE(std::isfinite(totals[0].item<float>()));
            EXPECT_FALSE(std::isfinite(totals[1].item<float>())) << place;
            auto const back = host_kernels::shares_less_targets(logits, at::zeros({2}, at::kLong), totals, 1);
            EXPECT_FALSE(back[1].isfinite().any().item<bool>()) << place;
        }
    }
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

TEST_F(HostKernels, AttentionEqualsPlainSums) {
    std::vector<Shape> const shapes{
        {1, 2, 1, 1, 0, 8, 8, {}},        {2, 4, 2, 63, 0, 16, 16, {}},   {1, 2, 2, 64, 0, 32, 32, {}},
        {1, 3, 1, 65, 0, 24, 8, {}},      {2, 2, 1, 200, 0, 8, 40, {}},   {1, 2, 1, 1, 130, 16, 16, {}},
        {1, 4, 1, 70, 61, 16, 24, {}},    {1, 2, 2, 150, 0, 16, 16, 7},   {1, 2, 1, 130, 70, 8, 8, 64},
        {1, 2, 1, 100, 300, 16, 16, 129}, {1, 1, 1, 140, 0, 16, 16, 500},
    };
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

TEST_F(HostKernels, OddDimensionsAreLeftToOthers) {
    auto const odd = noise({1, 2, 5, 12}, 8), even = noise({1, 2, 5, 16}, 9);
    EXPECT_FALSE(host_kernels::suit_attention(odd, odd, odd));
    EXPECT_FALSE(host_kernels::suit_attention(even, even, odd));
    EXPECT_FALSE(host_kernels::suit(even.to(at::kBFloat16)));
}

}  // namespace
}  // namespace moewire
