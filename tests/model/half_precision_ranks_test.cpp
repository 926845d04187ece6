// bfloat16 against transformers' bfloat16, on every fixture model, rank count and placement.
#include <algorithm>

#include <gtest/gtest.h>

#include "assignment/strategy.hpp"
#include "base/registry.hpp"
#include "support/half_precision.hpp"
#include "support/parallel.hpp"

namespace moewire {
namespace {

class HalfPrecision : public testing::TestWithParam<std::string> {};

TEST_P(HalfPrecision, IsNearTransformersWhereDecisionsFellAlike) {
    Expected const expected(GetParam());
    ModelOptions options;
    options.precision = Precision::bfloat16;
    auto const model = LanguageModel::load(fixture_model(GetParam()), options);
    for (auto const& strategy : Registry<Strategy>::instance().entries()) {
        TestParallel const parallel(*model, strategy.name);
        half_precision::Compared compared;
        for (std::string const set : {"short", "long"}) {
            Wanted wanted;
            wanted.read_out = ReadOut::keep;
            wanted.router = true;
            auto const result = model->forward(my_share(expected.tokens(set)), parallel.view(), wanted);
            auto const part = half_precision::compare(*model, result, expected, set, strategy.name);
            compared = {compared.rows + part.rows, compared.of_rows + part.of_rows};
        }
        half_precision::expect_enough(compared, strategy.name);
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, HalfPrecision, testing::ValuesIn(fixture_models()), [](auto const& p) {
    auto name = p.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace
}  // namespace moewire
