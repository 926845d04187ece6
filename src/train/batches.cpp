#include "train/batches.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {

void check(BatchOptions const& o) {
    if (o.sequences < 1 || o.accumulate < 1 || o.positions < 2 || o.sequences % o.accumulate != 0) {
        throw usage_error(fmt::format(
            "a step of {} sequences of {} tokens in {} batches is not possible (batches are equal, and a "
            "sequence of one token predicts nothing); let --accumulate divide --batch_size, and ask for 2 "
            "tokens or more",
            o.sequences, o.positions, o.accumulate));
    }
}

}  // namespace

Batches Batches::by_epoch(std::vector<std::vector<std::int32_t>> texts, BatchOptions options,
                          std::int64_t max_windows) {
    check(options);
    Batches batches;
    auto const length = static_cast<std::size_t>(options.positions);
    bool some = true;
    for (std::size_t round = 0; some; ++round) {
        some = false;
        for (std::size_t text = 0; text < texts.size(); ++text) {
            if ((round + 1) * length > texts[text].size()) continue;
            if (max_windows > 0 && batches.windows() >= max_windows) continue;
            batches.windows_.push_back({text, round * length});
            some = true;
        }
    }
    batches.texts_ = std::move(texts);
    batches.options_ = options;
    if (batches.steps_of_epoch() < 1) {
        throw usage_error(
            fmt::format("{} windows of {} tokens fill no step of {} (the text is too short, or too "
                        "few are asked for); lower --batch_size or --max_length, or raise "
                        "--max_samples",
                        batches.windows(), options.positions, options.sequences));
    }
    return batches;
}

Batches Batches::at_random(std::vector<std::vector<std::int32_t>> texts, BatchOptions options) {
    check(options);
    for (auto const& text : texts) {
        if (static_cast<std::int64_t>(text.size()) > options.positions) continue;
        throw usage_error(
            fmt::format("a text has {} tokens, a window {} (nothing can be drawn); lower --max_length",
                        text.size(), options.positions));
    }
    Batches batches;
    batches.texts_ = std::move(texts);
    batches.options_ = options;
    return batches;
}

std::int64_t Batches::steps_of_epoch() const {
    return windows() / options_.sequences;
}

std::vector<Batches::Window> Batches::chosen(std::int64_t step) const {
    std::vector<Window> chosen;
    if (windows_.empty()) {
        Random random(options_.seed, fmt::format("step {}", step));
        for (std::int64_t row = 0; row < options_.sequences; ++row) {
            auto const text = static_cast<std::size_t>(row) % texts_.size();
            auto const room = texts_[text].size() - static_cast<std::size_t>(options_.positions);
            chosen.push_back({text, static_cast<std::size_t>(random.below(room))});
        }
        return chosen;
    }
    auto const epoch = step / steps_of_epoch(), place = step % steps_of_epoch();
    auto const order = Random(options_.seed, fmt::format("epoch {}", epoch))
                           .permutation(static_cast<std::int32_t>(windows_.size()));
    for (std::int64_t row = 0; row < options_.sequences; ++row)
        chosen.push_back(windows_[static_cast<std::size_t>(
            order[static_cast<std::size_t>(place * options_.sequences + row)])]);
    return chosen;
}

std::vector<Grid<std::int32_t, 2>> Batches::of_step(std::int64_t step,
                                                    Communicator const& communicator) const {
    auto const each = options_.sequences / options_.accumulate;
    if (each < communicator.size()) {
        throw usage_error(
            fmt::format("a batch of {} sequences is too small for {} ranks (each needs one); raise "
                        "--batch_size, lower --accumulate, or start fewer ranks",
                        each, communicator.size()));
    }
    auto const all = chosen(step);
    auto const rank = static_cast<std::int64_t>(index_of(communicator.rank()));
    auto const begin = each * rank / communicator.size(), end = each * (rank + 1) / communicator.size();
    auto const length = static_cast<std::size_t>(options_.positions);
    std::vector<Grid<std::int32_t, 2>> batches;
    for (std::int64_t batch = 0; batch < options_.accumulate; ++batch) {
        Grid<std::int32_t, 2> tokens(static_cast<std::size_t>(end - begin), length);
        for (auto row = begin; row < end; ++row) {
            auto const& window = all[static_cast<std::size_t>(batch * each + row)];
            auto const first = texts_[window.text].begin() + static_cast<std::ptrdiff_t>(window.begin);
            std::copy(first, first + static_cast<std::ptrdiff_t>(length),
                      tokens.row(static_cast<std::size_t>(row - begin)).begin());
        }
        batches.push_back(std::move(tokens));
    }
    return batches;
}

}  // namespace moewire
