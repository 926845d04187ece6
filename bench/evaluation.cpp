#include "bench/evaluation.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/progress.hpp"
#include "bench/places.hpp"
#include "model/scoring.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

// The same on every rank.
WindowScores score_text(Context const& context, Subject& subject, PlainParallel const& parallel,
                        EvaluationText const& text) {
    auto const& world = context.world;
    std::vector<Grid<std::int32_t, 2>> shares;
    std::int64_t my_windows = 0;
    for (auto const& group : text.cut.groups) {
        shares.push_back(share_of(group.tokens, world.rank(), world.size()));
        my_windows += static_cast<std::int64_t>(shares.back().extent(0));
    }
    Progress progress("eval " + text.dataset, my_windows, "windows", progress_style(world.is_root()));
    WindowScores scores{{}, text.cut.targets_of_window()};
    for (std::size_t g = 0; g < shares.size(); ++g) {
        auto const score = score_windows(*subject.model, shares[g], text.cut.groups[g].first_target,
                                         parallel.view(), [&](std::int64_t done) { progress.advance(done); });
        auto const nll = world.gather(std::span<double const>(score.nll_of_window));
        scores.nll.insert(scores.nll.end(), nll.begin(), nll.end());
    }
    world.broadcast(scores.nll);
    return scores;
}

std::string dtype_of(ModelFacts const& facts) {
    return name_of(facts.precision);
}

void add_figures(Evaluation& e) {
    double const nll = e.scores.nll_sum(), none = std::numeric_limits<double>::quiet_NaN();
    e.perplexity = std::exp(e.scores.mean_nll());
    e.bits_per_byte = nll / std::numbers::ln2 / static_cast<double>(e.bytes);
    e.word_perplexity = e.words > 0 ? std::exp(nll / static_cast<double>(e.words)) : none;
    e.page_perplexity = none;
    // Windows that do not overlap lose their first label on that page, too, and are weighted rightly.
    if (e.stride_tokens == e.window_tokens) e.page_perplexity = e.perplexity;
    if (e.stride_tokens > 0 && e.stride_tokens < e.window_tokens)
        e.page_perplexity = std::exp(e.scores.page_mean_nll());
}

}  // namespace

EvaluationText cut_for(Subject const& subject, std::string const& dataset, Split split,
                       EvaluationRequest const& r) {
    auto const text = load_text(dataset, split, text_places());
    return {text.dataset, std::string(name_of(split)),
            cut_text(*subject.tokenizer, text.content,
                     {r.protocol, r.window_tokens, r.stride_tokens, r.max_windows, r.bos})};
}

Evaluation evaluate(Context const& context, Subject& subject, PlainParallel const& parallel,
                    EvaluationText const& text) {
    auto const& cut = text.cut;
    Evaluation e;
    e.model = subject.facts().name;
    e.dataset = text.dataset;
    e.split = text.split;
    e.protocol = cut.protocol;
    e.dtype = dtype_of(subject.facts());
    e.bos = cut.bos;
    e.window_tokens = cut.window_tokens;
    e.windows = cut.windows();
    e.stride_tokens = cut.stride_tokens;
    e.targets = cut.targets();
    e.tokens = cut.text_tokens;
    e.bytes = cut.target_bytes;
    e.words = cut.target_words;
    e.digest = cut.digest();
    e.scores = score_text(context, subject, parallel, text);
    add_figures(e);
    return e;
}

Evaluation evaluate(Context const& context, Subject& subject, PlainParallel const& parallel,
                    std::string const& dataset, Split split, EvaluationRequest const& request) {
    EvaluationText text;
    run_on_all(context.world, [&] { text = cut_for(subject, dataset, split, request); });
    return evaluate(context, subject, parallel, text);
}

Json to_json(Evaluation const& e) {
    Json json{{"model", e.model},
              {"dataset", e.dataset},
              {"split", e.split},
              {"protocol", e.protocol},
              {"window", e.window_tokens}};
    if (e.stride_tokens > 0) json["stride"] = e.stride_tokens;
    json.update({{"windows", e.windows},
                 {"targets", e.targets},
                 {"tokens", e.tokens},
                 {"bytes", e.bytes},
                 {"words", e.words},
                 {"perplexity", e.perplexity},
                 {"mean_nll", e.scores.mean_nll()},
                 {"standard_error_of_mean_nll", e.scores.standard_error()},
                 {"bits_per_byte", e.bits_per_byte},
                 {"word_perplexity", e.word_perplexity}});
    if (e.stride_tokens > 0) json["perplexity_in_page_weighting"] = e.page_perplexity;
    json["bos"] = e.bos;
    json["dtype"] = e.dtype;
    return json;
}

Evaluation evaluation_of(Document const& json) {
    Evaluation e;
    try {
        e.dataset = json.at("dataset");
        e.protocol = json.at("protocol");
        e.window_tokens = json.at("window");
        e.windows = json.at("windows");
        e.targets = json.at("targets");
        e.perplexity = json.at("perplexity");
        e.bits_per_byte = json.at("bits_per_byte");
        e.bos = json.at("bos");
        e.dtype = json.at("dtype");
    } catch (nlohmann::json::exception const& problem) {
        throw input_error("study",
                          fmt::format("an evaluation of perplexity.json cannot be read ({}); start the "
                                      "study anew in another folder",
                                      problem.what()));
    }
    return e;
}

Split split_of(std::string const& name) {
    for (auto const split : {Split::train, Split::valid, Split::test}) {
        if (name == name_of(split)) return split;
    }
    throw usage_error(fmt::format("unknown split '{}'; use one of: train, valid, test", name));
}

}  // namespace moewire
