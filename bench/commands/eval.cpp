// moewire eval: perplexity of a model on a text, by a named protocol.
#include <cmath>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/progress.hpp"
#include "base/show.hpp"
#include "bench/evaluation.hpp"
#include "bench/subject.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

struct Options {
    SubjectRequest subject;
    std::string dataset = "drama", split = "test";
    EvaluationRequest request;
    bool json = false;
};

std::string as_text(Evaluation const& e) {
    return fmt::format(
        "{} on {} ({}): perplexity {:.5f}, {:.4f} bits per byte\n"
        "  protocol {}, window {}, {} windows, {} targets of {} tokens, BOS {}, dtype {}\n",
        e.model, e.dataset, e.split, e.perplexity, e.bits_per_byte, e.protocol, e.window_tokens, e.windows,
        e.targets, e.tokens, e.bos, e.dtype);
}

int run(Context const& context, Options const& o) {
    Split split{};
    run_on_all(context.world, [&] { split = split_of(o.split); });
    auto subject = load_subject(context.world, o.subject, WithTokenizer::yes);
    PlainParallel const parallel(context.world, *subject.model);
    auto const evaluation = evaluate(context, subject, parallel, o.dataset, split, o.request);
    print(context, o.json ? to_json(evaluation).dump() + "\n" : as_text(evaluation));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    declare_subject_options(app, o->subject);
    option(app, "dataset", o->dataset, "Domain name, wikitext, or a UTF-8 file or folder");
    option(app, "split", o->split, "train, valid or test");
    option(app, "protocol", o->request.protocol, "How text is cut and scored: disjoint");
    option(app, "window", o->request.window_tokens, "Tokens in a window");
    option(app, "max_windows", o->request.max_windows, "Windows at most; 0: all");
    flag(app, "json", o->json, "Print one JSON object");
    footer(app,
           "Example:\n  moewire eval --model tiny-phimoe --dataset drama --protocol disjoint --window 256 "
           "--max_windows 64 --json\n"
           "Text is encoded without special tokens; every window is scored on its own, its first token is no "
           "target.");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>("eval", "Perplexity of a model on a text.", {declare});

}  // namespace
}  // namespace moewire
