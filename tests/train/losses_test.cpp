// Balance losses: values and gradients against PyTorch, against finite differences, and against each other.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "support/catalogue.hpp"
#include "support/fixtures.hpp"
#include "train/balance_loss.hpp"

namespace moewire {
namespace {

constexpr std::int64_t sequences = 4, experts = 8, top_k = 2;

// tests/fixtures/make_losses.py wrote what PyTorch makes of these.
class Recorded {
  public:
    Recorded() : file_(fixtures() / "train" / "losses.safetensors") {}

    template <class T>
    std::vector<T> values(std::string const& name) const {
        for (auto const& info : file_.tensors()) {
            if (info.name != name) continue;
            std::vector<T> values(info.bytes() / sizeof(T));
            file_.read(info, 0, std::as_writable_bytes(std::span<T>(values)));
            return values;
        }
        return {};
    }
    // "name:load=..." of all cases.
    std::vector<std::string> cases() const {
        std::vector<std::string> names;
        for (auto const& info : file_.tensors()) {
            auto const end = info.name.find("|value");
            if (end != std::string::npos) names.push_back(info.name.substr(0, end));
        }
        return names;
    }
    at::Tensor logits(int layer) const {
        return at::tensor(values<float>("logits." + std::to_string(layer))).view({-1, experts});
    }
    TrainingPass pass(std::vector<at::Tensor> const& logits) const {
        TrainingPass pass;
        for (std::size_t layer = 0; layer < logits.size(); ++layer) {
            auto const picks = at::tensor(values<std::int32_t>("picks." + std::to_string(layer)), at::kInt);
            pass.layers.push_back({logits[layer], at::softmax(logits[layer], -1, at::kFloat),
                                   picks.to(at::kLong).view({-1, top_k})});
        }
        pass.sequences = sequences;
        return pass;
    }

  private:
    SafetensorsFile file_;
};

struct Outcome {
    double value;
    std::vector<at::Tensor> gradients;  // of each layer's logits
};

Outcome outcome(std::string const& spec, Recorded const& recorded) {
    c10::AutoGradMode const with_gradients(true);
    std::vector<at::Tensor> logits;
    for (int layer = 0; layer < 2; ++layer) logits.push_back(recorded.logits(layer).requires_grad_(true));
    auto const value = BalanceTerm(spec).value(recorded.pass(logits), Communicator());
    torch::autograd::backward({value}, {at::ones_like(value)});
    Outcome result{value.item<double>(), {}};
    for (auto const& one : logits) result.gradients.push_back(one.grad());
    return result;
}

double value_at(std::string const& spec, Recorded const& recorded, int layer, std::int64_t token,
                std::int64_t expert, double shift) {
    std::vector<at::Tensor> logits{recorded.logits(0).to(at::kDouble), recorded.logits(1).to(at::kDouble)};
    logits[static_cast<std::size_t>(layer)][token][expert] += shift;
    auto pass = recorded.pass(logits);
    return BalanceTerm(spec).value(pass, Communicator()).item<double>();
}

double relative(at::Tensor const& ours, at::Tensor const& theirs) {
    return ((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-12)).item<double>();
}

TEST(BalanceLosses, EqualPyTorchInValueAndGradient) {
    Recorded const recorded;
    std::set<std::string> seen;
    for (auto const& name : recorded.cases()) {
        auto const ours = outcome(name, recorded);
        EXPECT_NEAR(ours.value, recorded.values<float>(name + "|value").front(),
                    2e-6 * (1 + std::abs(ours.value)))
            << name;
        for (std::size_t layer = 0; layer < 2; ++layer) {
            auto const theirs =
                at::tensor(recorded.values<float>(name + "|gradient." + std::to_string(layer)));
            EXPECT_LE(relative(ours.gradients[layer].reshape({-1}), theirs), 1e-4) << name;
        }
        seen.insert(name.substr(0, name.find(':')));
    }
    for (auto const& name : catalogue_names<BalanceLoss>())
        EXPECT_TRUE(seen.contains(name)) << name << " has no reference: add it to make_losses.py";
}

class EveryLoss : public testing::TestWithParam<std::string> {};

TEST_P(EveryLoss, HasTheSlopeThatItsGradientSays) {
    Recorded const recorded;
    auto const spec = GetParam() + ":load=soft";
    auto const exact = outcome(spec, recorded);
    for (int layer : {0, 1}) {
        for (std::int64_t token : {0, 17, 47}) {
            for (std::int64_t expert : {0, 3, 7}) {
                double const step = 1e-2;
                double const slope = (value_at(spec, recorded, layer, token, expert, step) -
                                      value_at(spec, recorded, layer, token, expert, -step)) /
                                     (2 * step);
                double const ours =
                    exact.gradients[static_cast<std::size_t>(layer)][token][expert].item<double>();
                auto const scale =
                    exact.gradients[static_cast<std::size_t>(layer)].abs().max().item<double>();
                EXPECT_NEAR(slope, ours, 0.02 * scale) << spec;
            }
        }
    }
}

TEST_P(EveryLoss, RefusesAnUnknownSetting) {
    EXPECT_THROW(BalanceTerm(GetParam() + ":colour=red"), Error);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryLoss, testing::ValuesIn(catalogue_names<BalanceLoss>()),
                         parameter_name);

TEST(BalanceLosses, ThatAreOneMethodInDisguiseAgree) {
    Recorded const recorded;
    for (std::string const load : {":load=soft", ":load=straight"}) {
        auto const cv = outcome("cv" + load, recorded), variance = outcome("variance" + load, recorded);
        EXPECT_NEAR(cv.value, experts * experts * variance.value, 1e-5 * cv.value);
        EXPECT_LE(relative(cv.gradients[0], variance.gradients[0] * (experts * experts)), 1e-4);
        auto const scaled = outcome("variance:scale=experts" + load, recorded);
        EXPECT_NEAR(scaled.value, cv.value, 1e-5 * cv.value);
    }
    // With straight-through counts the square of cv pulls exactly twice as hard as Switch.
    auto const cv = outcome("cv:load=straight", recorded), switched = outcome("switch", recorded);
    for (std::size_t layer : {0u, 1u})
        EXPECT_LE(relative(cv.gradients[layer], switched.gradients[layer] * 2), 1e-4);
    // Gini's direction is another one.
    auto const gini = outcome("gini:load=straight", recorded);
    auto const cosine = ((gini.gradients[0] * switched.gradients[0]).sum() /
                         (gini.gradients[0].norm() * switched.gradients[0].norm()))
                            .item<double>();
    EXPECT_GT(cosine, 0.5);
    EXPECT_LT(cosine, 0.99);
}

TEST(BalanceLosses, AreLeastWhereTheLoadIsEven) {
    TrainingPass pass;
    auto const logits = at::zeros({experts * 4, experts});
    auto const first = at::arange(experts * 4).remainder(experts);
    pass.layers.push_back(
        {logits, at::softmax(logits, -1), at::stack({first, (first + 1).remainder(experts)}, 1)});
    pass.sequences = 4;
    auto const value = [&](std::string const& spec) {
        return BalanceTerm(spec).value(pass, Communicator()).item<double>();
    };
    EXPECT_NEAR(value("switch"), 1, 1e-6);
    EXPECT_NEAR(value("sequence_switch"), 1, 1e-6);
    for (std::string const name : {"variance", "cv", "gini", "entropy"}) {
        EXPECT_NEAR(value(name), 0, 1e-6) << name;
        EXPECT_NEAR(value(name + ":load=straight"), 0, 1e-6) << name;
    }
}

}  // namespace
}  // namespace moewire
