#include "bench/study_suite.hpp"

#include "bench/command.hpp"
#include "bench/places.hpp"

namespace moewire {

Suite read_suite(std::string const& name) {
    Suite suite;
    read_options(suite_file(name), "suite", "use the option names of `moewire measure --help`",
                 [&](CLI::App& app) {
                     declare_measure_options(app, suite.measure);
                     option(app, "max_samples", suite.max_samples, "Windows to profile");
                     option(app, "max_windows", suite.max_windows, "Windows to evaluate; 0: all");
                     option(app, "assign_strategies", suite.assign_strategies, "Policies to try, by comma");
                     option(app, "assign_samples", suite.assign_samples, "Windows to try them on");
                     option(app, "finetune_arms", suite.finetune_arms, "Set of fine-tunes: quick or full");
                     option(app, "finetune_samples", suite.finetune_samples, "Sequences to learn from");
                     option(app, "finetune_length", suite.finetune_length, "Tokens of a sequence");
                     option(app, "finetune_epochs", suite.finetune_epochs, "Times that each is seen");
                     option(app, "finetune_windows", suite.finetune_windows, "Windows to evaluate on");
                     option(app, "finetune_rate", suite.finetune_rate, "Learning rate");
                     option(app, "finetune_coefficient", suite.finetune_coefficient,
                            "Weight of the switch loss; other losses pull as hard");
                 });
    return suite;
}

}  // namespace moewire
