// The memory plan in words and as JSON, and the run that it is compared with.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/show.hpp"
#include "bench/memory_plan.hpp"
#include "system/agreement.hpp"
#include "system/machine.hpp"

namespace moewire {
namespace {

std::string show(std::int64_t bytes) {
    return show_bytes(static_cast<double>(bytes));
}

// Any ids below the vocabulary: how much memory a pass takes does not depend on them.
Grid<std::int32_t, 2> random_tokens(Workload const& load, std::int64_t vocabulary, RankId rank) {
    Grid<std::int32_t, 2> tokens(load.sequences, load.positions);
    Random random(index_of(rank), "tokens");
    for (auto& id : tokens.row()) id = static_cast<std::int32_t>(random.below(vocabulary));
    return tokens;
}

}  // namespace

MemoryRun run_memory(Context const& context, MemoryRequest const& request, MemoryPlan const& plan) {
    auto const& world = context.world;
    run_on_all(world, [&] {
        if (plan.load.ranks != world.size())
            throw usage_error(
                fmt::format("--run with --ranks {} on {} ranks (a run takes those that were started); "
                            "start as many, or leave --ranks out",
                            plan.load.ranks, world.size()));
        if (request.train || request.decode_positions > 0 || request.copies > 0)
            throw unavailable("doctor",
                              "--run runs a plain forward pass (nothing else is built yet); leave out "
                              "--train, --decode and --copies");
    });
    auto const subject = load_subject(world, request.subject, WithTokenizer::no);
    PlainParallel const parallel(world, subject);
    auto const tokens = random_tokens(plan.load, subject.facts().vocabulary, world.rank());
    subject.model->forward(tokens, parallel.view(), {});
    std::vector<std::int64_t> const planned{plan.total_bytes()}, peak{peak_resident_bytes()};
    return {world.gather(std::span<std::int64_t const>(planned)),
            world.gather(std::span<std::int64_t const>(peak))};
}

std::string as_text(MemoryRequest const& request, MemoryPlan const& plan) {
    auto const& load = plan.load;
    auto text = fmt::format("{}{}: {} parameters, {} layers, {} experts, {}\n", request.subject.model,
                            request.subject.is_synthetic() ? " (made-up weights)" : "",
                            show_count(plan.parameters.total()), plan.config.layers, plan.config.experts,
                            name_of(load.precision));
    text += fmt::format("One of {} ranks, {} with {} tokens a pass ({} x {}):\n\n", load.ranks,
                        load.purpose == Purpose::training ? "training"
                        : load.cache_positions > 0        ? "decoding"
                                                          : "forward",
                        load.tokens(), load.sequences, load.positions);
    Table table({"memory of a rank", ""});
    for (auto const& part : parts_of(plan.footprint)) {
        if (part.bytes > 0) table.add({part.name, show(part.bytes)});
    }
    table.add({"program", show(plan.program_bytes)});
    table.add({"all together", show(plan.total_bytes())});
    table.add({"there is", fmt::format("{} ({})", show(plan.available_bytes), plan.available_where)});
    text += table.text(TableStyle::plain);
    if (plan.fits()) return text + "\nIt fits.\n";
    return text + fmt::format("\nIt does not fit. What would:\n  {}\n", fmt::join(plan.advice, "\n  "));
}

std::string as_text(MemoryRun const& run) {
    Table table({"rank", "planned", "peak of the run", "planned / peak"});
    for (std::size_t rank = 0; rank < run.peak_bytes.size(); ++rank) {
        auto const planned = run.planned_bytes[rank], peak = run.peak_bytes[rank];
        table.add({std::to_string(rank), show(planned), show(peak),
                   fmt::format("{:.3f}", static_cast<double>(planned) / static_cast<double>(peak))});
    }
    return "\n" + table.text(TableStyle::plain);
}

Json to_json(MemoryRequest const& request, MemoryPlan const& plan) {
    Json parts = Json::object();
    for (auto const& part : parts_of(plan.footprint)) parts[part.name] = part.bytes;
    parts["program"] = plan.program_bytes;
    return {{"model", request.subject.model},
            {"synthetic", request.subject.is_synthetic()},
            {"architecture", plan.config.model_type},
            {"layers", plan.config.layers},
            {"parameters", plan.parameters.total()},
            {"expert_parameters", plan.parameters.experts},
            {"dtype", name_of(plan.load.precision)},
            {"ranks", plan.load.ranks},
            {"tokens_per_rank", plan.load.tokens()},
            {"rank_bytes", parts},
            {"rank_total_bytes", plan.total_bytes()},
            {"available_bytes", plan.available_bytes},
            {"fits", plan.fits()},
            {"advice", plan.advice}};
}

Json to_json(MemoryRun const& run) {
    return {{"planned_bytes", run.planned_bytes}, {"peak_bytes", run.peak_bytes}};
}

}  // namespace moewire
