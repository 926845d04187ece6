// moewire eval: perplexity of a model on a text, by a named protocol, and how two runs differ.
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/show.hpp"
#include "bench/evaluation.hpp"
#include "bench/paired.hpp"
#include "bench/places.hpp"
#include "bench/subject.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

struct Options {
    SubjectRequest subject;
    std::string dataset = "drama", split = "test";
    EvaluationRequest request;
    std::string against, compare, compare_dtype, output;
    bool json = false;

    bool compares() const { return !compare.empty() || !compare_dtype.empty(); }
};

std::string as_text(Evaluation const& e) {
    auto const error = e.scores.standard_error();
    auto const stride = e.stride_tokens > 0 ? fmt::format(", stride {}", e.stride_tokens) : "";
    auto const page =
        e.stride_tokens > 0 ? fmt::format(", {:.5f} in the page's weighting", e.page_perplexity) : "";
    return fmt::format(
        "{} on {} ({}): perplexity {:.5f}{}, {:.4f} bits per byte, word perplexity {:.6g}\n"
        "  mean NLL {:.6f}, standard error {} over windows\n"
        "  protocol {}, window {}{}, {} windows, {} targets of {} tokens ({} bytes, {} words), BOS {}, dtype "
        "{}\n",
        e.model, e.dataset, e.split, e.perplexity, page, e.bits_per_byte, e.word_perplexity,
        e.scores.mean_nll(), std::isnan(error) ? "unknown (one window)" : fmt::format("{:.6f}", error),
        e.protocol, e.window_tokens, stride, e.windows, e.targets, e.tokens, e.bytes, e.words, e.bos,
        e.dtype);
}

// Loads, checks against an earlier run before anything is computed, and scores.
Evaluation evaluate_one(Context const& context, SubjectRequest const& request, Options const& o, Split split,
                        std::optional<EarlierRun> const& earlier) {
    auto subject = load_subject(context.world, request, WithTokenizer::yes);
    EvaluationText text;
    run_on_all(context.world, [&] {
        text = cut_for(subject, o.dataset, split, o.request);
        if (earlier) require_same_windows(*earlier, text);
    });
    PlainParallel const parallel(context.world, subject);
    return evaluate(context, subject, parallel, text);
}

// The run to compare with, which is scored now.
EarlierRun evaluate_other(Context const& context, Options const& o, Split split, Evaluation const& e) {
    auto other = o.subject;
    if (!o.compare.empty()) other.model = o.compare;
    if (!o.compare_dtype.empty()) other.dtype = o.compare_dtype;
    return earlier_run(evaluate_one(context, other, o, split, earlier_run(e)));
}

void check(Options const& o) {
    refuse_perplexity_of_synthetic(o.subject);
    if (!o.against.empty() && o.compares()) {
        throw usage_error(
            "--against and --compare are both given (a run is compared with one other); leave one out");
    }
    if (!o.compare_dtype.empty()) precision_of(o.compare_dtype);
    if (o.compare.empty()) return;
    auto other = o.subject;
    other.model = o.compare;
    refuse_perplexity_of_synthetic(other);
    config_file_of(other);
}

int run(Context const& context, Options const& o) {
    Split split{};
    std::optional<EarlierRun> earlier;
    run_on_all(context.world, [&] {
        split = split_of(o.split);
        check(o);
        if (!o.against.empty()) earlier = read_earlier_run(o.against);
    });
    auto const evaluation = evaluate_one(context, o.subject, o, split, earlier);
    if (o.compares()) earlier = evaluate_other(context, o, split, evaluation);
    auto record = to_record(evaluation);
    auto text = as_text(evaluation);
    if (earlier) {
        auto const comparison = compare(evaluation, *earlier);
        record["comparison"] = to_json(comparison);
        text += as_text(comparison);
    }
    run_on_all(context.world, [&] {
        if (context.world.is_root() && !o.output.empty()) write_file(o.output, to_text(record));
    });
    print(context, o.json ? record.dump() + "\n" : text);
    return 0;
}

constexpr char const* explanation =
    "Examples:\n"
    "  moewire eval --model tiny-phimoe --dataset drama --window 256 --max_windows 64 --output before.json\n"
    "  moewire eval --model tiny-phimoe --dataset drama --window 256 --dtype bfloat16 --against before.json\n"
    "  moewire eval --dataset drama --protocol hf-stride --window 512 --stride 128 --max_windows 0\n"
    "Perplexity: e to the sum of the targets' exact negative log-likelihoods over their number.\n"
    "Bits per byte: that sum in bits over the UTF-8 bytes of the text that the scored targets stand for. "
    "Word "
    "perplexity: e to that sum over the words (between white space) that begin in that text. The text is not "
    "detokenised. Only these two compare models of different tokenizers.\n"
    "Standard error: of the mean negative log-likelihood, with windows as units.\n"
    "A comparison is this run less the other, paired over windows: difference of mean negative "
    "log-likelihood "
    "and ratio of perplexities, with 95 % percentile-bootstrap intervals. Both must score the same tokens by "
    "the same protocol.\n"
    "BOS by protocol: disjoint none, hf_stride before the text, llama_cpp before the text and in place of "
    "every "
    "window's first token; always the tokenizer's own, none where it has none.";

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    declare_subject_options(app, o->subject);
    option(app, "dataset", o->dataset, "Domain name, wikitext, or a UTF-8 file or folder");
    option(app, "split", o->split, "train, valid or test");
    option(app, "protocol", o->request.protocol, "How text is cut and scored: " + protocol_names());
    option(app, "window", o->request.window_tokens,
           "Tokens in a window; 0: the protocol's own (256; llama_cpp: 512)");
    option(app, "stride", o->request.stride_tokens,
           "Tokens between starts of windows (hf_stride); 0: half a window");
    option(app, "bos", o->request.bos, "Where BOS goes: protocol, none, text or window");
    option(app, "max_windows", o->request.max_windows, "Windows at most, the first ones; 0: all");
    option(app, "against", o->against, "Compare with the result of an earlier run: its --output");
    option(app, "compare", o->compare, "Score this model on the same windows, too, and compare with it");
    option(app, "compare_dtype", o->compare_dtype, "The same for another dtype (of --compare, if given)");
    option(app, "output", o->output, "Write the result, with every window's sum, as JSON");
    flag(app, "json", o->json, "Print one JSON object");
    footer(app, explanation);
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>("eval", "Perplexity of a model on a text.", {declare});

}  // namespace
}  // namespace moewire
