#include "bench/subject.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "bench/places.hpp"
#include "gpu/device.hpp"
#include "system/agreement.hpp"
#include "system/environment.hpp"
#include "system/machine.hpp"
#include "system/node_map.hpp"
#include "transport/wire.hpp"

namespace moewire {
namespace {

LongRope long_rope_of(std::string const& name) {
    if (name == "transformers") return LongRope::transformers;
    if (name == "config") return LongRope::config;
    throw usage_error(fmt::format("unknown longrope rule '{}'; use transformers or config", name));
}

// All cores for a rank alone, else its share of its host's, at least one.
int compute_threads_for(int asked, int ranks_here) {
    if (asked > 0) return asked;
    return std::max(1, this_machine().cores / ranks_here);
}

// Ranks of one host take its GPUs in turn.
ComputeDevice device_of(std::string const& name, int place_on_host) {
    if (name == "cpu") return {};
    if (name == "cuda") return {gpu_for(place_on_host)};
    throw usage_error(
        fmt::format("unknown device '{}' (where shall the model compute?); use cpu or cuda", name));
}

std::string synthetic_note(ModelFacts const& facts, SubjectRequest const& request) {
    return fmt::format(
        "{}: weights are made up (seed {}, router skew {:g}, {} of its layers); what it says means nothing",
        facts.name, request.synth_seed, request.router_skew, facts.decoder_layers);
}

std::unique_ptr<LanguageModel> synthesise(std::filesystem::path const& config, SubjectRequest const& request,
                                          ModelOptions const& options) {
    SyntheticWeights weights{request.synth_seed, request.router_skew, std::nullopt};
    if (request.layers > 0) weights.layers = request.layers;
    return LanguageModel::synthesise(config, "synth:" + config.stem().string(), weights, options);
}

// Ids of the shipped tokenizer stand for tokens of the model: below its vocabulary they all exist.
std::unique_ptr<Tokenizer> borrowed_tokenizer(ModelFacts const& facts) {
    auto const file = tokenizer_without_model();
    auto tokenizer = std::make_unique<Tokenizer>(Tokenizer::from_file(file));
    if (tokenizer->vocabulary_size() <= facts.vocabulary) return tokenizer;
    throw usage_error(fmt::format(
        "{} has a vocabulary of {} and borrows the tokenizer {}, which has {} ids (some would not exist); "
        "use a geometry with a larger vocabulary",
        facts.name, facts.vocabulary, file.string(), tokenizer->vocabulary_size()));
}

}  // namespace

void require_own_gpus(Communicator const& world, bool share_gpu) {
    auto const sharing = ranks_on_one_gpu(world);
    run_on_all(world, [&] {
        if (sharing == 1 || share_gpu || environment::allows_ranks_to_share_a_gpu()) return;
        throw unavailable("gpu",
                          fmt::format("{} ranks have one GPU (which runs them in turn: no time would mean "
                                      "anything); start one rank a GPU, or give --share_gpu to try functions",
                                      sharing));
    });
}

MemoryKind select_memory(Communicator const& world, std::string const& device, bool share_gpu) {
    auto const place = node_map_of(world).place_of(world.rank());
    auto memory = MemoryKind::host;
    run_on_all(world, [&] {
        if (device == "cuda") {
            use_gpu(gpu_for(place));
            memory = MemoryKind::device;
        } else if (device != "cpu") {
            throw usage_error(
                fmt::format("unknown device '{}' (where shall rows lie?); use cpu or cuda", device));
        }
    });
    if (memory == MemoryKind::device) require_own_gpus(world, share_gpu);
    return memory;
}

bool SubjectRequest::is_synthetic() const {
    return geometry_of(model).has_value();
}

void declare_subject_options(CLI::App& app, SubjectRequest& request) {
    option(
        app, "model", request.model,
        "Shipped model, folder, Hugging Face id in the local cache (org/name[@revision]), or synth:GEOMETRY");
    option(app, "dtype", request.dtype, "float32, bfloat16 or float16");
    option(app, "device", request.device,
           "Where the model computes: cpu, or cuda (one GPU a rank of a host)");
    flag(app, "share_gpu", request.share_gpu,
         "Several ranks may use one GPU: functions can be tried so, never speed");
    option(app, "longrope", request.long_rope,
           "Beyond the original context: transformers (as 5.17 computes) or config");
    option(app, "threads", request.threads, "Compute threads of a rank; 0: its share of the cores");
    option(app, "layers", request.layers, "Of synth: models: their first so many layers; 0: all");
    option(app, "synth_seed", request.synth_seed, "Of synth: models: seed of the weights");
    option(app, "router_skew", request.router_skew,
           "Of synth: models: how much experts differ in popularity; 0: alike, 1: the busiest gets about "
           "twice its share");
}

std::filesystem::path config_file_of(SubjectRequest const& request) {
    if (auto const geometry = geometry_of(request.model)) return geometry_file(*geometry);
    SubjectRequest const usual;
    if (request.layers != usual.layers || request.synth_seed != usual.synth_seed ||
        request.router_skew != usual.router_skew) {
        throw usage_error(fmt::format(
            "--layers, --synth_seed and --router_skew are for models with made-up weights ({} has its own); "
            "leave them out, or use --model synth:GEOMETRY (`moewire list` shows them)",
            request.model));
    }
    return find_model(request.model, model_places()) / "config.json";
}

void refuse_perplexity_of_synthetic(SubjectRequest const& request) {
    if (!request.is_synthetic()) return;
    throw usage_error(fmt::format(
        "{} has no perplexity (its weights are made up, so what it predicts means nothing); use a "
        "model with trained weights, or `moewire measure`, which times its exchanges",
        request.model));
}

Subject load_subject(Communicator const& world, SubjectRequest const& request, WithTokenizer tokenizer) {
    Subject subject;
    auto const nodes = node_map_of(world);
    int const ranks_here = nodes.ranks_with(world.rank()), place_on_host = nodes.place_of(world.rank());
    if (request.device == "cuda") {
        run_on_all(world, [&] { use_gpu(gpu_for(place_on_host)); });
        require_own_gpus(world, request.share_gpu);
    }
    run_on_all(world, [&] {
        set_compute_threads(compute_threads_for(request.threads, ranks_here));
        ModelOptions const options{precision_of(request.dtype), long_rope_of(request.long_rope),
                                   device_of(request.device, place_on_host)};
        if (options.device.is_cuda()) subject.memory = MemoryKind::device;
        subject.config_file = config_file_of(request);
        auto const folder = subject.config_file.parent_path();
        subject.model = request.is_synthetic() ? synthesise(subject.config_file, request, options)
                                               : LanguageModel::load(folder, options);
        if (request.is_synthetic()) log_note(synthetic_note(subject.facts(), request));
        if (tokenizer == WithTokenizer::no) return;
        subject.tokenizer =
            request.is_synthetic()
                ? borrowed_tokenizer(subject.facts())
                : std::make_unique<Tokenizer>(Tokenizer::from_file(folder / "tokenizer.json"));
        if (request.is_synthetic())
            log_note(fmt::format(
                "{}: texts are cut by the tokenizer of tiny-phimoe ({} ids), since it has none of its own",
                subject.facts().name, subject.tokenizer->vocabulary_size()));
    });
    return subject;
}

TokenisedText tokenise(Subject const& subject, std::string const& dataset, Split split) {
    TokenisedText result{load_text(dataset, split, text_places()), {}};
    result.tokens = subject.tokenizer->encode(result.text.content);
    return result;
}

PlainParallel::PlainParallel(Communicator const& world, Subject const& subject)
    : world_(world),
      exchange_(make_exchange(default_exchange(world, subject.memory), world, subject.memory)) {
    run_on_all(world, [&] {
        auto const& facts = subject.facts();
        Grid<std::int64_t, 3> const none(facts.layers, world.size(), facts.experts);
        assignment_ = make_plan("contiguous", {Demand(none), world.size(), 0});
        experts_ = subject.model->load_experts(assignment_, world.rank());
    });
}

std::vector<std::string> split_list(std::string const& list, std::string const& what) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= list.size();) {
        auto const end = std::min(list.find(',', begin), list.size());
        if (end > begin) parts.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    if (parts.empty()) throw usage_error(fmt::format("{} is empty; name at least one", what));
    return parts;
}

}  // namespace moewire
