// What a layer tells its observer: steps one after another, each layer once, whatever lies between layers.
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "base/json.hpp"
#include "model/language_model.hpp"
#include "model/scoring.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"
#include "support/scratch.hpp"

namespace moewire {
namespace {

class Told : public StepObserver {
  public:
    void enter(LayerId layer, Step step) override {
        EXPECT_FALSE(inside_) << name_of(step) << " begins inside another step";
        inside_ = true;
        now_ = {index_of(layer), step};
    }
    void leave(LayerId layer, Step step) override {
        EXPECT_TRUE(inside_ && now_ == std::pair(std::size_t{index_of(layer)}, step)) << name_of(step);
        inside_ = false;
        steps.push_back(now_);
    }
    std::vector<std::pair<std::size_t, Step>> steps;

  private:
    bool inside_ = false;
    std::pair<std::size_t, Step> now_;
};

void expect_steps(LanguageModel& model, Grid<std::int32_t, 2> const& tokens, bool has_shared) {
    TestParallel const parallel(model, "contiguous");
    Told told;
    Wanted wanted;
    wanted.observer = &told;
    model.forward(share_of(tokens, world().rank(), world().size()), parallel.view(), wanted);
    std::vector<Step> steps{Step::attention, Step::router,  Step::counts,  Step::permute,
                            Step::dispatch,  Step::experts, Step::combine, Step::unpermute};
    if (has_shared) steps.push_back(Step::shared);
    std::vector<std::pair<std::size_t, Step>> expected;
    for (std::size_t layer = 0; layer < static_cast<std::size_t>(model.facts().layers); ++layer) {
        for (auto const step : steps) expected.emplace_back(layer, step);
    }
    EXPECT_EQ(told.steps, expected);
}

class Steps : public testing::TestWithParam<std::string> {};

TEST_P(Steps, FollowEachOtherInEveryLayerWithExperts) {
    auto const model = LanguageModel::load(fixture_model(GetParam()), {});
    expect_steps(*model, Expected(GetParam()).tokens("short"),
                 GetParam().starts_with("deepseek") || GetParam().starts_with("qwen2"));
}

TEST(StepsAtTheEnd, BelongToLayersWithExperts) {
    Scratch const scratch;
    auto config = read_json(fixture_model("qwen3_moe-even") / "config.json");
    config["mlp_only_layers"] = {config.at("num_hidden_layers").get<int>() - 1};
    write_file(scratch.path() / "config.json", config.dump());
    auto const model = LanguageModel::synthesise(scratch.path(), "last-dense", {}, {});
    EXPECT_LT(model->facts().layers, model->facts().decoder_layers);
    expect_steps(*model, Expected("qwen3_moe-even").tokens("short"), false);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Steps, testing::ValuesIn(fixture_models()), [](auto const& p) {
    auto name = p.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace
}  // namespace moewire
