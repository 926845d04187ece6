// Are these bfloat16 logits those of transformers' bfloat16? Both round, so a decision (which experts, which
// of them survive SparseMixer's mask) may fall either way: what is compared is compared where all decisions
// before it fell alike, and everything that decisions are made from is compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "model/language_model.hpp"
#include "support/compare.hpp"
#include "support/fixtures.hpp"

namespace moewire::half_precision {

inline constexpr double near = 2e-2;  // of the largest value, as is usual for eight bits of mantissa

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

inline Theirs theirs_of(Expected const& expected, std::string const& set, std::size_t layers) {
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
inline Survivors survivors(std::span<float const> scores, std::span<std::int32_t const> picks,
                           double jitter) {
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
inline std::vector<std::int32_t> decisions(ModelConfig const& config, std::span<float const> scores,
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

inline std::size_t argmax(std::span<float const> row) {
    return static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

// Rows whose every decision so far, and every one of the tokens before them, fell as in `theirs`.
inline std::vector<bool> compare_routers(ModelConfig const& config, ForwardResult const& mine,
                                         Theirs const& theirs, std::size_t positions,
                                         std::string const& what) {
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

struct Compared {
    std::int64_t rows = 0, of_rows = 0;  // of this rank
};

// This rank's rows of one set against theirs.
inline Compared compare(LanguageModel const& model, ForwardResult const& mine, Expected const& expected,
                        std::string const& set, std::string const& what) {
    auto const width = static_cast<std::size_t>(model.facts().vocabulary);
    auto const theirs = theirs_of(expected, set, mine.routing.layers());
    auto const alike =
        compare_routers(model.config(), mine, theirs, expected.tokens(set).extent(1), what + " " + set);
    auto const scale = scale_of(expected.values<float>(set + ".logits_bf16"));
    Compared compared;
    for (std::size_t row = 0; row < alike.size(); ++row, ++compared.of_rows) {
        if (!alike[row]) continue;
        ++compared.rows;
        auto const ours = std::span(mine.logits.values()).subspan(row * width, width);
        auto const other = std::span(theirs.logits).subspan(row * width, width);
        EXPECT_LE(largest_difference(ours, other), near * scale) << what << " " << set << " row " << row;
        // Outside ties: another token is as good as theirs.
        EXPECT_GE(other[argmax(ours)], other[argmax(other)] - near * scale) << what << " " << set;
    }
    return compared;
}

// Collective: all ranks. Enough rows to mean something must be left.
inline void expect_enough(Compared const& compared, std::string const& what) {
    auto const rows = world().sum(compared.rows), all = world().sum(compared.of_rows);
    EXPECT_GE(rows, all / 10) << what << ": too few rows are left to compare, of " << all;
}

}  // namespace moewire::half_precision
