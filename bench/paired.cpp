#include "bench/paired.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {
namespace {

constexpr double confidence = 0.95;
constexpr char const* method = "percentile bootstrap of paired windows, 2,000 resamples";

Error not_a_result(std::filesystem::path const& path, std::string const& problem) {
    return usage_error(
        fmt::format("{} {} (it is compared window by window); name a file that `moewire eval "
                    "--output` wrote",
                    path.string(), problem));
}

// One key of a result, of type T.
template <class T>
T field(Document const& json, std::filesystem::path const& path, char const* key) {
    if (!json.is_object() || !json.contains(key)) throw not_a_result(path, fmt::format("has no '{}'", key));
    try {
        return json.at(key).get<T>();
    } catch (Document::exception const&) {
        throw not_a_result(path, fmt::format("has a '{}' of the wrong kind", key));
    }
}

std::string in_words(std::string const& protocol, std::int64_t window, std::int64_t stride,
                     std::string const& bos) {
    auto const moved = stride > 0 ? fmt::format(", stride {}", stride) : "";
    return fmt::format("{}, window {}{}, BOS {}", protocol, window, moved, bos);
}

}  // namespace

Json to_record(Evaluation const& e) {
    auto json = to_json(e);
    json["windows_digest"] = e.digest;
    json["targets_of_window"] = e.scores.targets;
    json["nll_of_window"] = e.scores.nll;
    return json;
}

EarlierRun earlier_run(Evaluation const& e) {
    return {fmt::format("{} in {}", e.model, e.dtype),
            e.model,
            e.dtype,
            e.dataset,
            e.protocol,
            e.bos,
            e.digest,
            e.window_tokens,
            e.stride_tokens,
            e.scores};
}

EarlierRun read_earlier_run(std::filesystem::path const& path) {
    auto const json = read_json(path, "eval");
    auto const text = [&](char const* key) { return field<std::string>(json, path, key); };
    EarlierRun run{path.string(),    text("model"), text("dtype"),         text("dataset"),
                   text("protocol"), text("bos"),   text("windows_digest")};
    run.window_tokens = field<std::int64_t>(json, path, "window");
    if (json.contains("stride")) run.stride_tokens = field<std::int64_t>(json, path, "stride");
    run.scores.targets = field<std::vector<std::int64_t>>(json, path, "targets_of_window");
    run.scores.nll = field<std::vector<double>>(json, path, "nll_of_window");
    if (run.scores.nll.empty() || run.scores.nll.size() != run.scores.targets.size())
        throw not_a_result(path, "has windows without sums");
    return run;
}

void require_same_windows(EarlierRun const& earlier, EvaluationText const& text) {
    auto const& cut = text.cut;
    auto const then = in_words(earlier.protocol, earlier.window_tokens, earlier.stride_tokens, earlier.bos);
    auto const now = in_words(cut.protocol, cut.window_tokens, cut.stride_tokens, cut.bos);
    if (then != now) {
        throw usage_error(
            fmt::format("{} was scored by another protocol ({}; this run: {}); a paired difference "
                        "needs the same one",
                        earlier.from, then, now));
    }
    auto const targets = cut.targets_of_window();
    if (earlier.scores.targets.size() != targets.size()) {
        throw usage_error(fmt::format(
            "{} has {} windows of {} (this run: {} of {}); a paired difference needs "
            "the same text and --max_windows",
            earlier.from, earlier.scores.targets.size(), earlier.dataset, targets.size(), text.dataset));
    }
    if (earlier.digest != cut.digest() || earlier.scores.targets != targets) {
        throw usage_error(
            fmt::format("{} scored other tokens (its text: {}; this run's: {}; digests of tokens and windows "
                        "differ); a paired difference needs the same text and the same tokenizer",
                        earlier.from, earlier.dataset, text.dataset));
    }
}

Comparison compare(Evaluation const& e, EarlierRun const& earlier) {
    auto const d = paired_difference(e.scores, earlier.scores, confidence);
    return {fmt::format("{} in {}", earlier.model, earlier.dtype),
            earlier.from,
            e.windows,
            d,
            {std::exp(d.value), std::exp(d.low), std::exp(d.high)}};
}

Json to_json(Comparison const& c) {
    return {{"with", c.with},
            {"from", c.from},
            {"windows", c.windows},
            {"mean_nll_difference", c.nll_difference.value},
            {"mean_nll_difference_low", c.nll_difference.low},
            {"mean_nll_difference_high", c.nll_difference.high},
            {"perplexity_ratio", c.perplexity_ratio.value},
            {"perplexity_ratio_low", c.perplexity_ratio.low},
            {"perplexity_ratio_high", c.perplexity_ratio.high},
            {"confidence", confidence},
            {"method", method}};
}

std::string as_text(Comparison const& c) {
    auto const& d = c.nll_difference;
    auto const& r = c.perplexity_ratio;
    auto const title =
        fmt::format("less {}{}: mean NLL ", c.with, c.from == c.with ? "" : " (" + c.from + ")");
    if (c.windows < 2)
        return fmt::format("{}{:+.6f}, perplexity ratio {:.6f}; one window gives no interval\n", title,
                           d.value, r.value);
    return fmt::format("{}{:+.6f} [{:+.6f}, {:+.6f}], perplexity ratio {:.6f} [{:.6f}, {:.6f}]\n  95 %, {}\n",
                       title, d.value, d.low, d.high, r.value, r.low, r.high, method);
}

}  // namespace moewire
