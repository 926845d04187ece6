#include "simulate/accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace moewire {
namespace {

TEST(Accuracy, ClosedForms) {
    std::vector<Scored> const pairs{
        {1.1, 1.0, 1.2, 1.0}, {0.8, 0.7, 0.9, 1.0}, {2.0, 1.0, 3.0, 2.0}, {3, 3, 3, 2}};
    auto const a = accuracy_of(pairs);  // errors 0.1, -0.2, 0, 0.5
    EXPECT_EQ(a.points, 4u);
    EXPECT_NEAR(a.mape, 0.2, 1e-12);
    EXPECT_NEAR(a.bias, 0.1, 1e-12);
    EXPECT_NEAR(a.max_error, 0.5, 1e-12);
    EXPECT_NEAR(a.p95_error, 0.5, 1e-12);
    EXPECT_NEAR(a.coverage, 0.5, 1e-12);
    EXPECT_NEAR(
        a.log_rmse,
        std::sqrt((std::pow(std::log(1.1), 2) + std::pow(std::log(0.8), 2) + std::pow(std::log(1.5), 2)) / 4),
        1e-12);
    EXPECT_EQ(accuracy_of({}).points, 0u);
}

TEST(Accuracy, PerfectIsZeroAndAFactorIsItsOwnBias) {
    std::vector<Scored> pairs;
    for (double const t : {1e-6, 3e-3, 2.0}) pairs.push_back({t, t, t, t});
    auto const perfect = accuracy_of(pairs);
    EXPECT_EQ(perfect.mape + perfect.max_error + perfect.log_rmse + std::abs(perfect.bias), 0);
    EXPECT_EQ(perfect.coverage, 1);
    for (auto& pair : pairs) pair.predicted_s *= 1.25;
    auto const off = accuracy_of(pairs);
    EXPECT_NEAR(off.bias, 0.25, 1e-12);
    EXPECT_NEAR(off.mape, 0.25, 1e-12);
    EXPECT_NEAR(off.log_rmse, std::log(1.25), 1e-12);
}

// Counted by hand: pairs in the same order less pairs in the opposite one, over all.
double tau_without_ties(std::vector<double> const& a, std::vector<double> const& b) {
    int same = 0, opposite = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = i + 1; j < a.size(); ++j) ++((a[i] < a[j]) == (b[i] < b[j]) ? same : opposite);
    }
    return static_cast<double>(same - opposite) / (same + opposite);
}

TEST(KendallTau, AgreesWithCounting) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        Random random(seed, "tau");
        std::vector<double> a, b;
        for (int i = 0; i < 9; ++i) a.push_back(random.uniform()), b.push_back(random.uniform());
        EXPECT_NEAR(kendall_tau(a, b), tau_without_ties(a, b), 1e-12);
        EXPECT_NEAR(kendall_tau(a, a), 1, 1e-12);
        auto negated = a;
        for (auto& value : negated) value = -value;
        EXPECT_NEAR(kendall_tau(a, negated), -1, 1e-12);
    }
    std::vector<double> const a{1, 2, 2, 3}, b{1, 2, 3, 4}, flat{5, 5, 5, 5};
    EXPECT_NEAR(kendall_tau(a, b), 5 / std::sqrt(5.0 * 6.0), 1e-12);
    EXPECT_EQ(kendall_tau(a, flat), 0);
}

TEST(DecisionRegret, IsWhatTheWrongChoiceCosts) {
    std::vector<double> const measured{2, 1, 4};
    EXPECT_EQ(decision_regret(std::vector<double>{9, 1, 5}, measured), 0);
    EXPECT_EQ(decision_regret(std::vector<double>{1, 2, 3}, measured), 1);
    EXPECT_EQ(decision_regret(std::vector<double>{3, 2, 1}, measured), 3);
    EXPECT_EQ(decision_regret(std::vector<double>{1, 1, 1}, measured), 1);  // the first of equals
}

}  // namespace
}  // namespace moewire
