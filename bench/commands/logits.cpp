// moewire logits: logits and router picks for a token file, for comparison with other implementations.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/statistics.hpp"
#include "bench/evaluation.hpp"
#include "bench/subject.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"
#include "trace/tensor_file.hpp"

namespace moewire {
namespace {

struct Options {
    SubjectRequest subject;
    std::string tokens, output;
    int repeat = 0;
};

Grid<std::int32_t, 2> read_tokens(std::string const& path) {
    auto const wrong = [&](std::string const& why) {
        return input_error(
            "logits", fmt::format("{} {}; write a JSON list of equally long lists of token ids", path, why));
    };
    auto const json = read_json(path);
    if (!json.is_array() || json.empty() || !json[0].is_array() || json[0].empty())
        throw wrong("holds no sequences");
    Grid<std::int32_t, 2> tokens(json.size(), json[0].size());
    for (std::size_t s = 0; s < json.size(); ++s) {
        if (!json[s].is_array() || json[s].size() != json[0].size()) {
            throw wrong(fmt::format("has sequences of different lengths (sequence {})", s));
        }
        for (std::size_t p = 0; p < json[s].size(); ++p) {
            auto const& id = json[s][p];
            if (!id.is_number_integer() || id.get<double>() < 0 || id.get<double>() > 2147483647.0) {
                throw wrong(
                    fmt::format("holds something else than a token id (sequence {}, position {})", s, p));
            }
            tokens(s, p) = id.get<std::int32_t>();
        }
    }
    return tokens;
}

// [layer, token, x] as one dataset a layer of shape [sequence, position, x].
template <class T>
Dataset of_layer(Grid<T, 3> const& all, std::size_t layer, Grid<std::int32_t, 2> const& tokens,
                 std::string const& what, std::string const& axis) {
    auto const values = all.row(layer);
    return {fmt::format("router/{}/{}", layer, what),
            "1",
            {"sequence", "position", axis},
            {tokens.extent(0), tokens.extent(1), all.extent(2)},
            std::vector<T>(values.begin(), values.end())};
}

// Further passes, without copying anything out: what the model itself takes.
std::string timing_line(LanguageModel& model, Grid<std::int32_t, 2> const& tokens,
                        PlainParallel const& parallel, int repeat) {
    std::vector<double> pass_s;
    Wanted wanted;
    wanted.read_out = ReadOut::compute;
    for (int i = 0; i < repeat; ++i) {
        double const start_s = monotonic_s();
        model.forward(tokens, parallel.view(), wanted);
        pass_s.push_back(monotonic_s() - start_s);
    }
    return fmt::format("forward pass: median {:.6f} s, least {:.6f} s, of {}\n", median(pass_s),
                       *std::min_element(pass_s.begin(), pass_s.end()), repeat);
}

int run(Context const& context, Options const& o) {
    run_on_all(context.world, [&] {
        if (context.world.size() > 1)
            throw usage_error("logits runs on one rank (it writes one file); start it without mpirun");
    });
    auto const tokens = read_tokens(o.tokens);
    auto subject = load_subject(context.world, o.subject, WithTokenizer::no);
    PlainParallel const parallel(context.world, subject);
    Wanted wanted;
    wanted.read_out = ReadOut::keep;
    wanted.router = true;
    auto const result = subject.model->forward(tokens, parallel.view(), wanted);
    if (o.repeat > 0) print(context, timing_line(*subject.model, tokens, parallel, o.repeat));

    std::vector<Dataset> datasets{
        make_dataset("logits", "1", {"sequence", "position", "vocabulary"}, result.logits)};
    for (std::size_t layer = 0; layer < result.routing.layers(); ++layer) {
        datasets.push_back(of_layer(result.router_logits, layer, tokens, "scores", "expert"));
        datasets.push_back(of_layer(result.routing.picks, layer, tokens, "experts", "choice"));
        datasets.push_back(of_layer(result.router_weights, layer, tokens, "weights", "choice"));
    }
    write_arrays(o.output,
                 {{"model", subject.facts().name},
                  {"synthetic", std::int64_t{subject.facts().is_synthetic}},
                  {"dtype", o.subject.dtype},
                  {"weight_digest", subject.model->weight_digest()}},
                 datasets);
    print(context,
          fmt::format("wrote {}: logits [{}, {}, {}] and router picks of {} layers{}\n", o.output,
                      tokens.extent(0), tokens.extent(1), subject.facts().vocabulary, subject.facts().layers,
                      subject.facts().is_synthetic ? " (of made-up weights)" : ""));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    declare_subject_options(app, o->subject);
    option(app, "tokens", o->tokens, "JSON list of equally long lists of token ids", Presence::required);
    option(app, "output", o->output, "HDF5 file to write", Presence::required);
    option(app, "repeat", o->repeat, "Time this many further passes and print their median");
    footer(app,
           "Writes logits float32 [sequence, position, vocabulary], and for each layer router/<layer>/scores "
           "(router logits),\n"
           "experts (picks, best first) and weights.");
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered =
    register_in<Command>("logits", "Logits and router picks for a token file.", {declare});

}  // namespace
}  // namespace moewire
