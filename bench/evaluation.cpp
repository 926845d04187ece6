#include "bench/evaluation.hpp"

#include <limits>
#include <numbers>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/progress.hpp"
#include "model/scoring.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

// UTF-8 bytes that the scored targets stand for.
std::int64_t target_bytes(Tokenizer const& tokenizer, Windows const& windows) {
    std::int64_t bytes = 0;
    for (std::size_t w = 0; w < windows.tokens.extent(0); ++w) {
        auto const all = windows.tokens.row(w);
        // Decoding the prefix apart keeps the bytes of the first target's leading space.
        auto const prefix = all.first(static_cast<std::size_t>(windows.first_target));
        bytes += static_cast<std::int64_t>(tokenizer.decode(all).size()) -
                 static_cast<std::int64_t>(tokenizer.decode(prefix).size());
    }
    return bytes;
}

}  // namespace

Evaluation evaluate(Context const& context, Subject& subject, PlainParallel const& parallel,
                    std::string const& dataset, Split split, EvaluationRequest const& request) {
    Windows windows;
    std::string origin;
    run_on_all(context.world, [&] {
        if (request.protocol != "disjoint") {
            throw usage_error(fmt::format("unknown protocol '{}'; use one of: disjoint", request.protocol));
        }
        auto const text = tokenise(subject, dataset, split);
        auto const most =
            request.max_windows > 0 ? request.max_windows : std::numeric_limits<std::int64_t>::max();
        windows = disjoint_windows(text.tokens, request.window_tokens, most);
        origin = text.text.dataset;
    });
    auto const mine = share_of(windows.tokens, context.world.rank(), context.world.size());
    Progress progress("eval " + origin, static_cast<std::int64_t>(mine.extent(0)), "windows",
                      progress_style(context.world.is_root()));
    auto const score = score_windows(*subject.model, mine, windows.first_target, parallel.view(),
                                     [&](std::int64_t done) { progress.advance(done); });
    Evaluation e;
    e.model = subject.facts().name;
    e.dataset = origin;
    e.split = name_of(split);
    e.protocol = windows.protocol;
    e.dtype = name_of(subject.facts().row_bytes == 4 * subject.facts().hidden_size ? Precision::float32
                                                                                   : Precision::bfloat16);
    e.window_tokens = static_cast<std::int64_t>(windows.tokens.extent(1));
    e.windows = windows.windows();
    e.targets = score.targets;
    e.tokens = windows.corpus_tokens;
    e.perplexity = score.perplexity();
    e.bits_per_byte =
        score.nll_sum / std::numbers::ln2 / static_cast<double>(target_bytes(*subject.tokenizer, windows));
    return e;
}

Json to_json(Evaluation const& e) {
    return {{"model", e.model},
            {"dataset", e.dataset},
            {"split", e.split},
            {"protocol", e.protocol},
            {"window", e.window_tokens},
            {"windows", e.windows},
            {"targets", e.targets},
            {"tokens", e.tokens},
            {"perplexity", e.perplexity},
            {"bits_per_byte", e.bits_per_byte},
            {"bos", e.bos},
            {"dtype", e.dtype}};
}

Split split_of(std::string const& name) {
    for (auto const split : {Split::train, Split::valid, Split::test}) {
        if (name == name_of(split)) return split;
    }
    throw usage_error(fmt::format("unknown split '{}'; use one of: train, valid, test", name));
}

}  // namespace moewire
