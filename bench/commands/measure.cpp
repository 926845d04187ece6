// moewire measure: time the exchanges of a real model's routing under several placements, beside their
// prediction.
#include <fmt/format.h>

#include "base/error.hpp"
#include "bench/measuring.hpp"
#include "report/sentences.hpp"
#include "report/telling.hpp"
#include "system/agreement.hpp"
#include "trace/trace_reader.hpp"

namespace moewire {
namespace {

int run(Context const& context, MeasureRequest const& request) {
    run_on_all(context.world, [&] { check(request); });
    auto subject = load_subject(context.world, request.subject, WithTokenizer::yes);
    PlainParallel const parallel(context.world, subject);
    auto const outcome = measure(context, request, subject, parallel, {});
    if (!outcome.interrupted.empty()) {
        print(context, resume_line(context, outcome));
        return 0;
    }
    int const code = outcome.failed > 0 ? 4 : outcome.ok == 0 ? 3 : 0;
    if (!context.world.is_root()) return code;
    auto const groups = group_cases(read_trace(outcome.trace));
    for (auto const& sentence : say_answers(groups)) print(context, sentence.text + "\n");
    if (!request.delay.empty()) {
        for (auto const& sentence : say_late(groups)) print(context, sentence.text + "\n");
    }
    for (auto const& sentence : say_accuracy(model_accuracy(groups), groups))
        print(context, sentence.text + "\n");
    print(context,
          fmt::format("wrote {} ({} cases, {} waived, {} failed{}); `moewire report {}` says more\n",
                      outcome.trace.string(), outcome.ok + outcome.waived + outcome.failed, outcome.waived,
                      outcome.failed, outcome.kept > 0 ? fmt::format(", {} kept", outcome.kept) : "",
                      outcome.trace.string()));
    return code;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const r = std::make_shared<MeasureRequest>();
    declare_measure_options(app, *r);
    footer(
        app,
        "Example:\n  mpirun --oversubscribe -n 4 moewire measure --model tiny-phimoe --dataset drama "
        "--plan_dataset scripture \\\n"
        "    --strategies contiguous,eplb_pack --tokens_per_rank 1024 --iterations 50 --mode replay,in_model "
        "--output RUN.h5\n"
        "Plans are made from the train split of the plan dataset, exchanges are those of the test split of "
        "the dataset.\n"
        "A plain file has no splits: its first half is for planning, its second half for testing.\n"
        "Names take settings (`moewire list` shows them): eplb_replicated:extra=2:choice=static. A policy "
        "learns from "
        "the plan\ntext and is then frozen. Under control:NAME no model runs: mode in_model is waived.");
    return [r](Context const& context) { return run(context, *r); };
}

bool const registered = register_in<Command>(
    "measure", "Time real exchanges under placements, beside their prediction; writes a trace.", {declare});

}  // namespace
}  // namespace moewire
