// moewire forward: how fast does the model itself run here? Prefill and decode of made-up tokens.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "base/show.hpp"
#include "base/statistics.hpp"
#include "bench/subject.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"

namespace moewire {
namespace {

constexpr std::size_t tokens_of_a_piece = 16'384;  // of a context that is filled before decoding

struct Options {
    SubjectRequest subject;
    std::string phase = "prefill";
    int sequences = 8, positions = 512, context = 512, repeat = 20, warm_up = 3;
    std::uint64_t seed = 0;
    bool json = false;
};

Grid<std::int32_t, 2> random_tokens(Options const& o, std::size_t sequences, std::size_t positions,
                                    std::int64_t vocabulary, std::string const& purpose) {
    Random random(o.seed, purpose);
    Grid<std::int32_t, 2> tokens(sequences, positions);
    for (std::size_t s = 0; s < sequences; ++s) {
        for (std::size_t p = 0; p < positions; ++p)
            tokens(s, p) = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary)));
    }
    return tokens;
}

void check(Options const& o) {
    if (o.phase != "prefill" && o.phase != "decode")
        throw usage_error(fmt::format("unknown phase '{}'; use prefill or decode", o.phase));
    for (auto const& [name, value] : {std::pair{"--sequences", o.sequences},
                                      {"--positions", o.positions},
                                      {"--context", o.context},
                                      {"--repeat", o.repeat}}) {
        if (value < 1 || value > 1'000'000)
            throw usage_error(
                fmt::format("{} is {} (nothing could be timed); use 1 to 1000000", name, value));
    }
}

// Each rank has as many sequences. The slowest rank's time of each pass, with the last position's logits.
std::vector<double> time_prefill(Context const& context, Options const& o, LanguageModel& model,
                                 PlainParallel const& parallel) {
    auto const tokens = random_tokens(o, static_cast<std::size_t>(o.sequences),
                                      static_cast<std::size_t>(o.positions), model.facts().vocabulary,
                                      fmt::format("prefill of rank {}", index_of(context.world.rank())));
    Wanted wanted;
    wanted.read_out = ReadOut::last;
    std::vector<double> pass_s;
    for (int i = 0; i < o.warm_up + o.repeat; ++i) {
        context.world.barrier();
        double const start_s = monotonic_s();
        model.forward(tokens, parallel.view(), wanted);
        pass_s.push_back(context.world.max(monotonic_s() - start_s));
    }
    return pass_s;
}

std::vector<double> time_decode(Context const& context, Options const& o, LanguageModel& model,
                                PlainParallel const& parallel) {
    auto const sequences = static_cast<std::size_t>(o.sequences),
               length = static_cast<std::size_t>(o.context);
    auto const cache = model.make_cache(o.sequences, o.context + o.warm_up + o.repeat);
    Wanted wanted;
    wanted.cache = cache.get();
    auto const piece = std::max<std::size_t>(1, tokens_of_a_piece / sequences);
    for (std::size_t begin = 0; begin < length; begin += piece) {
        auto const count = std::min(piece, length - begin);
        model.forward(
            random_tokens(o, sequences, count, model.facts().vocabulary,
                          fmt::format("context {} of rank {}", begin, index_of(context.world.rank()))),
            parallel.view(), wanted);
    }
    wanted.read_out = ReadOut::compute;
    std::vector<double> step_s;
    for (int i = 0; i < o.warm_up + o.repeat; ++i) {
        auto const tokens =
            random_tokens(o, sequences, 1, model.facts().vocabulary,
                          fmt::format("step {} of rank {}", i, index_of(context.world.rank())));
        context.world.barrier();
        double const start_s = monotonic_s();
        model.forward(tokens, parallel.view(), wanted);
        step_s.push_back(context.world.max(monotonic_s() - start_s));
    }
    return step_s;
}

int run(Context const& context, Options const& o) {
    run_on_all(context.world, [&] { check(o); });
    double const begin_s = monotonic_s();
    auto subject = load_subject(context.world, o.subject, WithTokenizer::no);
    PlainParallel const parallel(context.world, subject);
    double const load_s = context.world.max(monotonic_s() - begin_s);
    auto const read_bytes =
        static_cast<double>(context.world.sum(static_cast<std::int64_t>(subject.model->bytes_read())));
    bool const is_decode = o.phase == "decode";
    auto times_s = is_decode ? time_decode(context, o, *subject.model, parallel)
                             : time_prefill(context, o, *subject.model, parallel);
    times_s.erase(times_s.begin(), times_s.begin() + o.warm_up);
    double const middle_s = median(times_s);
    auto const tokens = std::int64_t{o.sequences} * (is_decode ? 1 : o.positions) * context.world.size();
    double const tokens_per_s = static_cast<double>(tokens) / middle_s;
    if (o.json) {
        Json const result{{"model", subject.facts().name},
                          {"synthetic", subject.facts().is_synthetic},
                          {"layers", subject.facts().decoder_layers},
                          {"dtype", name_of(subject.facts().precision)},
                          {"device", o.subject.device},
                          {"ranks", context.world.size()},
                          {"load_s", load_s},
                          {"read_bytes", read_bytes},
                          {"phase", o.phase},
                          {"sequences", o.sequences},
                          {"positions", is_decode ? 1 : o.positions},
                          {"context", is_decode ? o.context : 0},
                          {"median_s", middle_s},
                          {"least_s", *std::min_element(times_s.begin(), times_s.end())},
                          {"tokens_per_s", tokens_per_s},
                          {"repeat", o.repeat}};
        print(context, result.dump() + "\n");
        return 0;
    }
    if (read_bytes > 0) {
        print(context, fmt::format("{}: read {} in {} ({})\n", subject.facts().name, show_bytes(read_bytes),
                                   show_seconds(load_s), show_rate(read_bytes / load_s)));
    }
    print(context,
          fmt::format("{} {}: median {}, least {}, of {}; {} tokens/s ({} tokens, {}, {}, {} ranks)\n",
                      subject.facts().name, o.phase, show_seconds(middle_s),
                      show_seconds(*std::min_element(times_s.begin(), times_s.end())), o.repeat,
                      show_number(tokens_per_s), tokens, name_of(subject.facts().precision), o.subject.device,
                      context.world.size()));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    declare_subject_options(app, o->subject);
    option(app, "phase", o->phase, "prefill: whole sequences at once; decode: one more token of each");
    option(app, "sequences", o->sequences, "Sequences of each rank");
    option(app, "positions", o->positions, "Tokens of a sequence (prefill)");
    option(app, "context", o->context, "Tokens before the first step (decode)");
    option(app, "repeat", o->repeat, "Passes or steps that are timed");
    option(app, "warm_up", o->warm_up, "Passes or steps before those");
    option(app, "seed", o->seed, "Seed of the tokens");
    flag(app, "json", o->json, "One line for machines");
    footer(app,
           "Times one pass of the model with its exchanges, host clock, the slowest rank, logits of the last "
           "position.\nExamples: moewire forward --model synth:olmoe-1b-7b --device cuda --dtype bfloat16 "
           "--positions 2048\n          moewire forward --model tiny-phimoe --phase decode --sequences 16");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>(
    "forward", "How fast the model itself runs here: prefill or decode of made-up tokens.", {declare});

}  // namespace
}  // namespace moewire
