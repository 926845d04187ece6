// Learning on several ranks is learning on one: the same losses step by step, whatever is recomputed or
// resumed.
#include <cmath>
#include <cstring>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "model/trainable.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"
#include "support/shared_scratch.hpp"
#include "train/batches.hpp"
#include "train/trainer.hpp"

namespace moewire {
namespace {

constexpr std::int64_t steps = 50;

// One model under one set of ranks.
struct Bench {
    std::unique_ptr<LanguageModel> model;
    std::unique_ptr<Exchange> exchange;
    Assignment assignment;
    std::shared_ptr<ExpertBank const> experts;
    Communicator communicator;

    explicit Bench(std::string const& name, Communicator const& ranks,
                   Precision precision = Precision::float32)
        : model(LanguageModel::load(fixture_model(name), {.precision = precision})),
          exchange(make_exchange(default_exchange(ranks), ranks)),
          communicator(ranks) {
        Grid<std::int64_t, 3> const none(static_cast<std::size_t>(model->facts().layers),
                                         static_cast<std::size_t>(ranks.size()),
                                         static_cast<std::size_t>(model->facts().experts));
        assignment = make_plan("contiguous", {Demand{none}, ranks.size(), 3});
        experts = model->load_experts(assignment, ranks.rank());
    }
    ExpertParallel view() const { return {communicator, *exchange, assignment, *experts, "per_expert"}; }
};

Batches some_batches(ModelFacts const& facts, std::int64_t accumulate = 1) {
    Random random(4, "text");
    std::vector<std::int32_t> text(4000);
    for (auto& token : text)  // something to learn: small numbers are frequent
        token = static_cast<std::int32_t>(
            random.below(random.below(static_cast<std::uint64_t>(facts.vocabulary)) + 1));
    return Batches::at_random({text}, {8, accumulate, 12, 1});
}

TrainerOptions usual_options() {
    TrainerOptions options;
    options.terms = {{"gini", 0.05}, {"switch", 0.02}, {"z:scope=global", 0.001}, {"cv:load=straight", 0.01}};
    return options;
}

std::vector<StepRecord> run(Bench& bench, Trainer& trainer, Batches const& batches, std::int64_t until) {
    std::vector<StepRecord> records;
    RateSchedule const schedule{2e-3, 5, steps, 0.1};
    while (trainer.steps_done() < until) {
        auto const step = trainer.steps_done();
        trainer.step(batches.of_step(step, bench.communicator), schedule.at(step));
        for (auto& record : trainer.take_records()) records.push_back(std::move(record));
    }
    return records;
}

std::vector<StepRecord> curve(std::string const& model, Communicator const& ranks,
                              TrainerOptions const& options, std::int64_t accumulate = 1,
                              Precision precision = Precision::float32) {
    Bench bench(model, ranks, precision);
    Trainer trainer(*bench.model, bench.view(), options);
    return run(bench, trainer, some_batches(bench.model->facts(), accumulate), steps);
}

void expect_near(std::vector<StepRecord> const& a, std::vector<StepRecord> const& b, double tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_NEAR(a[i].lm_loss, b[i].lm_loss, tolerance * std::abs(b[i].lm_loss)) << "step " << i;
        EXPECT_NEAR(a[i].total_loss, b[i].total_loss, tolerance * std::abs(b[i].total_loss)) << "step " << i;
        EXPECT_TRUE(a[i].is_sound);
    }
}

class Curves : public testing::TestWithParam<std::string> {};

TEST_P(Curves, AreThoseOfOneRankWithAndWithoutRecomputing) {
    auto const alone = curve(GetParam(), Communicator(), usual_options());
    EXPECT_LT(alone.back().lm_loss, alone.front().lm_loss - 0.05);
    auto options = usual_options();
    expect_near(curve(GetParam(), world(), options), alone, 1e-5);
    options.recomputes_activations = true;
    expect_near(curve(GetParam(), world(), options), alone, 1e-5);
    expect_near(curve(GetParam(), Communicator(), options), alone, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Curves, testing::Values("mixtral-even", "qwen2_moe-even", "gpt_oss-even"),
                         [](auto const& p) { return p.param.substr(0, p.param.find('-')); });

TEST(LocalBalance, IsThatOfEveryRanksOwnTokens) {
    auto options = usual_options();
    options.terms = {{"cv:scope=local", 1.0}};
    auto const local = curve("mixtral-even", world(), options),
               alone = curve("mixtral-even", Communicator(), options);
    if (world().size() == 1) {
        expect_near(local, alone, 1e-6);
    } else {  // a mean of squares is no square of a mean
        EXPECT_GT(local.front().term_values[0], alone.front().term_values[0] * 1.0001);
    }
}

TEST(Accumulation, AddsUpToTheLargeBatch) {
    auto options = usual_options();
    options.terms = {};
    if (world().size() > 2) return;  // four batches of two sequences
    expect_near(curve("mixtral-even", world(), options, 4), curve("mixtral-even", Communicator(), options),
                1e-5);
}

TEST(NarrowWeights, LearnLikeWideOnesBesideTheirMasters) {
    if (world().size() > 2) return;  // four batches of two sequences
    for (std::int64_t const accumulate : {1, 2}) {
        auto const narrow = curve("mixtral-even", world(), usual_options(), accumulate, Precision::bfloat16);
        auto const wide = curve("mixtral-even", world(), usual_options(), accumulate);
        expect_near(narrow, wide, 0.02);
        EXPECT_LT(narrow.back().lm_loss, narrow.front().lm_loss - 0.05);
    }
}

// Twenty steps, a state, thirty more from it: on as many ranks, and alone.
void expect_resumes(TrainerOptions const& options) {
    SharedScratch const scratch;
    auto const whole = curve("mixtral-even", world(), options);
    Bench first("mixtral-even", world());
    auto const batches = some_batches(first.model->facts());
    {
        Trainer trainer(*first.model, first.view(), options);
        run(first, trainer, batches, 20);
        trainer.save_state(scratch.path());
    }
    Bench second("mixtral-even", world());
    Trainer trainer(*second.model, second.view(), options);
    trainer.load_state(scratch.path());
    EXPECT_EQ(trainer.steps_done(), 20);
    auto const rest = run(second, trainer, batches, steps);
    ASSERT_EQ(rest.size(), 30u);
    for (std::size_t i = 0; i < rest.size(); ++i) {
        EXPECT_EQ(rest[i].lm_loss, whole[20 + i].lm_loss) << i;
        EXPECT_EQ(rest[i].gradient_norm, whole[20 + i].gradient_norm) << i;
    }
    world().barrier();
    Bench other("mixtral-even", Communicator());
    Trainer alone(*other.model, other.view(), options);
    alone.load_state(scratch.path());
    auto const elsewhere = run(other, alone, batches, steps);
    for (std::size_t i = 0; i < rest.size(); ++i)
        EXPECT_NEAR(elsewhere[i].lm_loss, whole[20 + i].lm_loss, 1e-5 * whole[20 + i].lm_loss);
}

TEST(Resuming, GoesOnBitByBitAndOnOtherRanks) {
    expect_resumes(usual_options());
    auto thin = usual_options();
    thin.learns = "lora:2";
    expect_resumes(thin);
}

TEST(ThinMatrices, LearnAlikeOnEveryNumberOfRanks) {
    auto options = usual_options();
    options.learns = "lora:2:8";
    auto const alone = curve("mixtral-even", Communicator(), options);
    expect_near(curve("mixtral-even", world(), options), alone, 1e-5);
}

TEST(ThinMatrices, ChangeExpertsByAMatrixOfTheirRank) {
    auto options = usual_options();
    options.learns = "lora:2:8";
    options.terms = {};
    Bench bench("mixtral-even", world()), untouched("mixtral-even", world());
    {
        Trainer trainer(*bench.model, bench.view(), options);
        auto const batches = some_batches(bench.model->facts());
        auto const records = run(bench, trainer, batches, 20);
        trainer.step(batches.of_step(0, world()), 0);  // the first batch again: it is known better now
        EXPECT_LT(trainer.take_records().back().lm_loss, records.front().lm_loss - 0.01);
    }
    auto const now = trainable(*bench.model).tensors(bench.view());
    auto const before = trainable(*untouched.model).tensors(untouched.view());
    for (std::size_t i = 0; i < now.size(); ++i) {
        EXPECT_FALSE(now[i].tensor.requires_grad()) << now[i].name;
        if (now[i].role != TensorRole::expert || !now[i].is_matrix) {
            EXPECT_TRUE(now[i].tensor.equal(before[i].tensor)) << now[i].name;
            continue;
        }
        for (std::int64_t slot = 0; slot < now[i].tensor.size(0); ++slot) {
            auto const change = (now[i].tensor[slot] - before[i].tensor[slot]).to(at::kDouble);
            auto const sizes = at::linalg_svdvals(change);
            EXPECT_GT(sizes[1].item<double>(), 1e-5) << now[i].name;
            EXPECT_LT(sizes[2].item<double>(), 1e-3 * sizes[1].item<double>()) << now[i].name;
        }
    }
}

TEST(FrozenParts, StayAsTheyAre) {
    for (std::string const learns : {"router", "experts", "last:1"}) {
        auto options = usual_options();
        options.learns = learns;
        Bench bench("mixtral-even", world()), untouched("mixtral-even", world());
        auto const batches = some_batches(bench.model->facts());
        std::int64_t learning = 0;
        {
            Trainer trainer(*bench.model, bench.view(), options);
            learning = trainer.learning_here();
            auto const records = run(bench, trainer, batches, 5);
            EXPECT_GT(records.back().gradient_norm, 0) << learns;
        }
        EXPECT_GT(learning, 0);
        auto const now = trainable(*bench.model).tensors(bench.view());
        auto const before = trainable(*untouched.model).tensors(untouched.view());
        std::int64_t changed = 0;
        for (std::size_t i = 0; i < now.size(); ++i) {
            bool const is_last = now[i].layer == bench.model->facts().decoder_layers - 1;
            bool const may = learns == "router"    ? now[i].role == TensorRole::router
                             : learns == "experts" ? now[i].role == TensorRole::expert
                                                   : is_last;
            EXPECT_TRUE(may || now[i].tensor.equal(before[i].tensor)) << learns << " " << now[i].name;
            if (!now[i].tensor.equal(before[i].tensor)) changed += now[i].tensor.numel();
        }
        EXPECT_EQ(changed, learning) << learns;
    }
    auto options = usual_options();
    options.learns = "everything";
    Bench bench("mixtral-even", world());
    EXPECT_THROW(Trainer(*bench.model, bench.view(), options), Error);
}

TEST(LossFreeBias, RoutesWhileLearning) {
    auto options = usual_options();
    options.terms = {};
    options.policy = "loss_free_bias:speed=0.05";
    auto const balanced = curve("mixtral-even", world(), options);
    options.policy = "";
    auto const plain = curve("mixtral-even", world(), options);
    auto const largest = [](StepRecord const& record) {
        double most = 0;
        for (auto const count : record.expert_tokens.row()) most = std::max(most, static_cast<double>(count));
        return most;
    };
    double with = 0, without = 0;
    for (std::size_t i = 30; i < 50; ++i) {
        with += largest(balanced[i]);
        without += largest(plain[i]);
    }
    EXPECT_LT(with, without);
    EXPECT_TRUE(balanced.back().is_sound);
}

TEST(UnsoundSteps, NameTheLayerAndChangeNothing) {
    Bench bench("mixtral-even", world());
    TrainerOptions options;
    options.clip_norm = 0;
    Trainer trainer(*bench.model, bench.view(), options);
    auto const batches = some_batches(bench.model->facts());
    trainer.step(batches.of_step(0, world()), 1e18);  // products of such weights overflow
    trainer.step(batches.of_step(1, world()), 1e-3);
    auto const records = trainer.take_records();
    ASSERT_EQ(records.size(), 2u);
    EXPECT_TRUE(records[0].is_sound);
    EXPECT_FALSE(records[1].is_sound);
    EXPECT_GE(records[1].first_unsound_layer, 0);
}

}  // namespace
}  // namespace moewire
