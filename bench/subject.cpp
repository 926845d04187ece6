#include "bench/subject.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "bench/places.hpp"
#include "system/agreement.hpp"
#include "system/machine.hpp"
#include "system/node_map.hpp"

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

}  // namespace

void declare_subject_options(CLI::App& app, SubjectRequest& request) {
    option(app, "model", request.model, "Shipped model, folder, or Hugging Face id in the local cache");
    option(app, "dtype", request.dtype, "float32, bfloat16 or float16");
    option(app, "longrope", request.long_rope,
           "Beyond the original context: transformers (as 5.17 computes) or config");
    option(app, "threads", request.threads, "Compute threads of a rank; 0: its share of the cores");
}

Subject load_subject(Communicator const& world, SubjectRequest const& request, WithTokenizer tokenizer) {
    Subject subject;
    int const ranks_here = node_map_of(world).ranks_with(world.rank());
    run_on_all(world, [&] {
        set_compute_threads(compute_threads_for(request.threads, ranks_here));
        ModelOptions const options{precision_of(request.dtype), long_rope_of(request.long_rope)};
        subject.folder = find_model(request.model, model_places());
        subject.model = LanguageModel::load(subject.folder, options);
        if (tokenizer == WithTokenizer::yes) {
            subject.tokenizer =
                std::make_unique<Tokenizer>(Tokenizer::from_file(subject.folder / "tokenizer.json"));
        }
    });
    return subject;
}

TokenisedText tokenise(Subject const& subject, std::string const& dataset, Split split) {
    TokenisedText result{load_text(dataset, split, text_places()), {}};
    result.tokens = subject.tokenizer->encode(result.text.content);
    return result;
}

PlainParallel::PlainParallel(Communicator const& world, LanguageModel const& model)
    : world_(world), exchange_(make_exchange(default_exchange(world), world)) {
    run_on_all(world, [&] {
        auto const& facts = model.facts();
        Grid<std::int64_t, 3> const none(facts.layers, world.size(), facts.experts);
        assignment_ = make_plan("contiguous", {Demand(none), world.size(), 0});
        experts_ = model.load_experts(assignment_, world.rank());
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
