#include "bench/subject.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "bench/places.hpp"
#include "system/agreement.hpp"
#include "system/machine.hpp"

namespace moewire {

Subject load_subject(Communicator const& world, std::string const& name, ModelOptions const& options,
                     WithTokenizer tokenizer) {
    Subject subject;
    run_on_all(world, [&] {
        subject.folder = find_model(name, model_places());
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

void share_cores(Communicator const& world, int asked_threads) {
    int const cores = this_machine().cores;
    set_compute_threads(asked_threads > 0 ? asked_threads : std::max(1, cores / world.size()));
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
