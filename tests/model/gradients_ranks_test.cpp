// Gradients of the mean loss against transformers 5.17, with the experts on one rank or several.
#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "model/scoring.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"

namespace moewire {
namespace {

// Every rank needs a sequence: with four ranks both stand there twice, and the mean is the same.
Grid<std::int32_t, 2> enough_for_all(Grid<std::int32_t, 2> const& tokens) {
    auto values = tokens.values();
    if (world().size() > 2) values.insert(values.end(), tokens.values().begin(), tokens.values().end());
    return {{values.size() / tokens.extent(1), tokens.extent(1)}, values};
}

std::string as_in_transformers(std::string name) {
    std::string const block = "block_sparse_moe";
    auto const found = name.find(block);
    return found == std::string::npos ? name : name.replace(found, block.size(), "mlp");
}

// One expert's part of a fused tensor [expert, rows, columns].
std::span<float const> expert_part(std::vector<float> const& fused, std::size_t experts, std::size_t expert) {
    auto const size = fused.size() / experts;
    return std::span(fused).subspan(expert * size, size);
}

// Relative to the largest entry of what is expected.
double error_of(std::span<float const> ours, std::span<float const> theirs) {
    double scale = 0, worst = ours.size() == theirs.size() ? 0 : 1e9;
    for (float const v : theirs) scale = std::max(scale, std::abs(static_cast<double>(v)));
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i)
        worst = std::max(worst, std::abs(static_cast<double>(ours[i]) - theirs[i]));
    return worst / std::max(scale, 1e-12);
}

class Gradients : public testing::TestWithParam<std::string> {};

TEST_P(Gradients, EqualTransformersUnderSeveralPlacements) {
    Expected const expected(GetParam()), recorded(GetParam(), "gradient.safetensors");
    auto const model = LanguageModel::load(fixture_model(GetParam()), {});
    auto const tokens = enough_for_all(expected.tokens("short"));
    auto const mine = share_of(tokens, world().rank(), world().size());
    auto const experts = static_cast<std::size_t>(model->facts().experts);
    for (std::string const strategy : {"contiguous", "random"}) {
        TestParallel const parallel(*model, strategy);
        auto const result = model->loss_and_gradients(mine, parallel.view());
        EXPECT_NEAR(result.loss, recorded.values<float>("loss").front(), 1e-5 * std::abs(result.loss));
        std::size_t dense = 0, of_experts = 0;
        for (auto const& gradient : result.gradients) {
            auto const name = as_in_transformers(gradient.name);
            auto const begin = name.find(".experts.");
            if (begin == std::string::npos) {
                if (!recorded.contains(name)) continue;
                EXPECT_LE(error_of(gradient.values, recorded.values<float>(name)), 1e-4) << name;
                ++dense;
                continue;
            }
            auto const rest = name.substr(begin + 9), part = rest.substr(rest.find('.') + 1);
            bool const is_down = part.starts_with("w2") || part.starts_with("down");
            bool const is_up = part.starts_with("w3") || part.starts_with("up");
            auto const fused = name.substr(0, begin + 9) + (is_down ? "down_proj" : "gate_up_proj");
            if (!recorded.contains(fused)) continue;
            auto const all = recorded.values<float>(fused);
            auto whole = expert_part(all, experts, std::stoull(rest));
            if (!is_down) whole = whole.subspan(is_up ? whole.size() / 2 : 0, whole.size() / 2);
            EXPECT_LE(error_of(gradient.values, whole), 1e-4) << name;
            ++of_experts;
        }
        EXPECT_GE(dense, 7u);
        EXPECT_EQ(of_experts, 3 * parallel.assignment().slots_on(LayerId{0}, world().rank()));
    }
}

INSTANTIATE_TEST_SUITE_P(Recorded, Gradients, testing::Values("mixtral-even", "qwen2_moe-even"));

TEST(GradientsWithoutText, AreRefusedOnAllRanks) {
    auto const model = LanguageModel::load(fixture_model("mixtral-even"), {});
    TestParallel const parallel(*model, "contiguous");
    Grid<std::int32_t, 2> const tokens(world().is_root() ? 0 : 1, 4);
    EXPECT_THROW(model->loss_and_gradients(tokens, parallel.view()), Error);
}

}  // namespace
}  // namespace moewire
