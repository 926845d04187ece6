// bfloat16 against transformers' bfloat16, on every fixture model, rank count and placement. Both round, so a
// decision (which experts, which of them survive SparseMixer's mask) may fall either way: what is compared is
// compared where all decisions before it fell alike, and everything that decisions are made from is compared.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "assignment/strategy.hpp"
#include "base/registry.hpp"
#include "support/compare.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"

namespace moewire {
namespace {

constexpr double near = 2e-2;  // of the largest value, as is usual for eight bits of mantissa

// What one set of a fixture says of this rank's rows.
struct Theirs {
    std::vector<float> logits;
    std::vector<std::vector<float>> scores;        // [layer][row x expert]
    std::vector<std::vector<std::int32_t>> picks;  // [layer][row x choice]
};

template <class T>
std::vector<T> rows_of(Expected const& expected, std::string const& name, std::size_t first_row,
                       std::size_t rows, std::size_t all_rows) {
    auto const all = expected.values<T>(name);
    auto const width = all.size() / all_rows;
    return {all.begin() + static_cast<std::ptrdiff_t>(first_row * width),
            all.begin() + static_cast<std::ptrdiff_t>((first_row + rows) * width)};
}

Theirs theirs_of(Expected const& expected, std::string const& set, std::size_t layers) {
    auto const tokens = expected.tokens(set);
    auto const first = my_first(tokens) * tokens.extent(1), rows = my_share(tokens).size();
    Theirs theirs;
    theirs.logits = rows_of<float>(expected, set + ".logits_bf16", first, rows, tokens.size());
    for (std::size_t layer = 0; layer < layers; ++layer) {
        auto const number = std::to_string(layer);
        theirs.scores.push_back(
            rows_of<float>(expected, set + ".router_bf16." + number, first, rows, tokens.size()));
        theirs.picks.push_back(
            rows_of<std::int32_t>(expected, set + ".experts_bf16." + number, first, rows, tokens.size()));
    }
    return theirs;
}

// Which experts are left by SparseMixer's mask for the first choice, and for the second. The gap itself is
// rounded: one that close to the threshold is cut off here or there.
struct Survivors {
    std::vector<std::int32_t> experts;
    bool is_tie = false;
};
Survivors survivors(std::span<float const> scores, std::span<std::int32_t const> picks, double jitter) {
    Survivors left;
    for (std::size_t choice = 0; choice < picks.size(); ++choice) {
        double const best = scores[static_cast<std::size_t>(picks[choice])];
        for (std::size_t e = 0; e < scores.size(); ++e) {
            double const gap = (best - scores[e]) / std::max<double>(std::abs(scores[e]), best);
            if (gap <= 2 * jitter)
                left.experts.push_back(static_cast<std::int32_t>(choice * scores.size() + e));
            left.is_tie = left.is_tie || std::abs(gap / (2 * jitter) - 1) < 0.01;
        }
    }
    return left;
}

// All that one token's router decides; equal decisions let equal numbers through. Nothing, where a decision
// is a tie in itself.
std::vector<std::int32_t> decisions(ModelConfig const& config, std::span<float const> scores,
                                    std::span<std::int32_t const> picks) {
    std::vector<std::int32_t> all(picks.begin(), picks.end());
    if (config.model_type != "phimoe") {
        std::sort(all.begin(), all.end());
        return all;
    }
    auto const left = survivors(scores, picks, config.router_jitter_noise);
    all.insert(all.end(), left.experts.begin(), left.experts.end());
    if (left.is_tie) return {};
    return all;
}

std::size_t argmax(std::span<float const> row) {
    return static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

// Rows whose every decision so far, and every one of the tokens before them, fell as in `theirs`.
std::vector<bool> compare_routers(ModelConfig const& config, ForwardResult const& mine, Theirs const& theirs,
                                  std::size_t positions, std::string const& what) {
    auto const rows = mine.routing.tokens(), top_k = mine.routing.top_k(),
               experts = mine.router_logits.extent(2);
    std::vector<bool> alike(rows, true);
    for (std::size_t layer = 0; layer < mine.routing.layers(); ++layer) {
        auto const scale = scale_of(theirs.scores[layer]);
        for (std::size_t row = 0; row < rows; ++row) {
            auto const ours = mine.router_logits.row(layer, row);
            auto const other = std::span(theirs.scores[layer]).subspan(row * experts, experts);
            if (alike[row]) {
                EXPECT_LE(largest_difference(ours, other), near * scale) << what << " layer " << layer;
            }
            auto const picks = std::span(theirs.picks[layer]).subspan(row * top_k, top_k);
            auto const decided = decisions(config, ours, mine.routing.picks.row(layer, row));
            bool const same = !decided.empty() && decided == decisions(config, other, picks);
            bool const before = row % positions == 0 || alike[row - 1];
            alike[row] = alike[row] && same && before;
        }
    }
    return alike;
}

class HalfPrecision : public testing::TestWithParam<std::string> {};

TEST_P(HalfPrecision, IsNearTransformersWhereDecisionsFellAlike) {
    Expected const expected(GetParam());
    ModelOptions options;
    options.precision = Precision::bfloat16;
    auto const model = LanguageModel::load(fixture_model(GetParam()), options);
    auto const layers = static_cast<std::size_t>(model->facts().layers),
               width = static_cast<std::size_t>(model->facts().vocabulary);
    for (auto const& strategy : Registry<Strategy>::instance().entries()) {
        TestParallel const parallel(*model, strategy.name);
        std::int64_t compared = 0, all = 0;
        for (std::string const set : {"short", "long"}) {
            auto const mine = my_share(expected.tokens(set));
            Wanted wanted;
            wanted.read_out = ReadOut::keep;
            wanted.router = true;
            auto const result = model->forward(mine, parallel.view(), wanted);
            auto const theirs = theirs_of(expected, set, layers);
            auto const what = strategy.name + " " + set;
            auto const alike = compare_routers(model->config(), result, theirs, mine.extent(1), what);
            auto const scale = scale_of(expected.values<float>(set + ".logits_bf16"));
            for (std::size_t row = 0; row < alike.size(); ++row, ++all) {
                if (!alike[row]) continue;
                ++compared;
                auto const ours = std::span(result.logits.values()).subspan(row * width, width);
                auto const other = std::span(theirs.logits).subspan(row * width, width);
                EXPECT_LE(largest_difference(ours, other), near * scale) << what << " row " << row;
                // Outside ties: another token is as good as theirs.
                EXPECT_GE(other[argmax(ours)], other[argmax(other)] - near * scale) << what;
            }
        }
        compared = world().sum(compared);
        all = world().sum(all);
        EXPECT_GE(compared, all / 10) << strategy.name << ": too few rows are left to compare, of " << all;
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, HalfPrecision, testing::ValuesIn(fixture_models()), [](auto const& p) {
    auto name = p.param;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

}  // namespace
}  // namespace moewire
