// moewire train: a model from nothing but a config and text.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "bench/learning.hpp"
#include "bench/places.hpp"
#include "model/new_model.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

struct Options {
    LearningRequest learning;
    std::string config, tokenizer = "byte_level";
    std::int64_t steps = 1000, tokenizer_text = 2'000'000;
};

// A tokenizer.json as it is, or one made from the first `tokenizer_text` characters of each text.
void make_tokenizer(Options const& o, fs::path const& folder) {
    auto const target = folder / "tokenizer.json";
    if (fs::is_regular_file(o.tokenizer)) {
        write_file(target, read_file(o.tokenizer));
        return;
    }
    std::string all;
    for (auto const& name : split_list(o.learning.dataset, "--dataset"))
        all += load_text(name, Split::train, text_places())
                   .content.substr(0, static_cast<std::size_t>(o.tokenizer_text)) +
               "\n";
    auto const text = folder / "tokenizer_text.txt";
    write_file(text, all);
    auto const vocabulary = read_config(o.config).vocab_size;
    run_script("train_tokenizer.py", {"--kind", o.tokenizer, "--vocabulary", std::to_string(vocabulary),
                                      "--text", text.string(), "--output", target.string()});
    fs::remove(text);
}

// The untrained model: "begin" in the output folder.
fs::path make_beginning(Options const& o) {
    auto const folder = fs::path(o.learning.output_dir) / "begin";
    fs::remove_all(folder);
    fs::create_directories(folder);
    make_tokenizer(o, folder);
    write_new_model(o.config, folder, o.learning.seed);
    return folder;
}

int run(Context const& context, Options o) {
    auto& r = o.learning;
    fs::path from;
    run_on_all(context.world, [&] {
        balance_terms(r);
        if (o.steps < 1) throw usage_error("--steps is below 1 (nothing would be learned); give 1 or more");
        if (fs::is_directory(o.config)) o.config = (fs::path(o.config) / "config.json").string();
        if (!r.resume) read_config(o.config);
        if (context.world.is_root()) ensure_writable_folder(r.output_dir);
        if (r.resume) from = newest_checkpoint(r.output_dir);
    });
    run_on_all(context.world, [&] {
        if (context.world.is_root() && from.empty()) make_beginning(o);
    });
    r.subject.model = from.empty() ? (fs::path(r.output_dir) / "begin").string() : from.string();
    auto subject = load_subject(context.world, r.subject, WithTokenizer::yes);
    auto texts = tokens_of(context, subject, r.dataset, Split::train);
    BatchOptions const shape{r.batch_size, r.accumulate, r.max_length, r.seed};
    Batches batches;
    run_on_all(context.world, [&] { batches = Batches::at_random(std::move(texts), shape); });
    return learn(context, {r, subject, batches, o.steps, from});
}

constexpr char const* explanation =
    "Examples:\n"
    "  moewire train --config models/tiny-phimoe --dataset drama,scripture,manual --tokenizer "
    "models/tiny-phimoe/tokenizer.json --steps 1500 --output_dir runs/mine\n"
    "  moewire train --config config.json --dataset my_text.txt --tokenizer byte_level --device cuda --dtype "
    "bfloat16 --output_dir runs/mine\n"
    "Each step draws --batch_size windows of --max_length tokens, texts in turn. --tokenizer: byte_level or "
    "sentencepiece (BPE, made from the texts to the config's vocab_size), or a tokenizer.json.\n"
    "bfloat16: computes in it, with weights and moments in fp32. Leaves what finetune leaves.";

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    auto& r = o->learning;
    r.dataset = "drama,scripture,manual";
    r.batch_size = 96;
    r.max_length = 512;
    r.learning_rate = 2e-3;
    r.warmup_steps = 100;
    r.load_balance_weight = 0.002;
    r.evaluate_every = 200;
    declare_learning_options(app, r);
    option(app, "config", o->config, "config.json of the model to make, or a folder that holds one",
           Presence::required);
    option(app, "tokenizer", o->tokenizer, "byte_level, sentencepiece or a tokenizer.json");
    option(app, "tokenizer_text", o->tokenizer_text, "Bytes of each text that a tokenizer is made from");
    option(app, "steps", o->steps, "Steps to learn");
    footer(app, explanation);
    return [o](Context const& context) { return run(context, *o); };
}

bool const registered = register_in<Command>("train", "Makes a model from a config and texts.", {declare});

}  // namespace
}  // namespace moewire
