// moewire doctor: what can run here, what cannot, and what to do about it.
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/show.hpp"
#include "bench/cluster_findings.hpp"
#include "bench/command.hpp"
#include "bench/facts.hpp"
#include "bench/memory_plan.hpp"
#include "bench/places.hpp"
#include "gpu/device.hpp"
#include "system/agreement.hpp"
#include "system/environment.hpp"
#include "system/machine.hpp"
#include "system/provenance.hpp"
#include "system/session.hpp"
#include "trace/h5.hpp"
#include "transport/wire.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

Finding texts() {
    std::vector<std::string> missing;
    for (auto const& domain : known_domains()) {
        if (!is_fetched(domain, text_places())) missing.push_back(domain);
    }
    if (missing.empty()) return {"texts", "ok", fmt::format("all of {}", fmt::join(known_domains(), ", "))};
    return {"texts", "note",
            fmt::format("not here: {}; scripts/fetch_text.py fetches them", fmt::join(missing, ", "))};
}

Finding models() {
    auto const names = shipped_models(model_places());
    if (names.empty())
        return {"models", "missing", "no folder below models/ has a config.json; clone the repository again"};
    return {"models", "ok", fmt::format("{}", fmt::join(names, ", "))};
}

Finding figures() {
    auto const python = environment::python();
    if (fs::exists(python)) return {"figures", "ok", fmt::format("{} with scripts/plot.py", python.string())};
    return {"figures", "note",
            fmt::format("no {}; run scripts/setup.sh or set MOEWIRE_PYTHON, else no figures are drawn",
                        python.string())};
}

Finding ranks(Context const& context, NodeMap const& map) {
    int const n = context.world.size();
    if (context.world.is_null())
        return {"ranks", "note",
                "started plainly: one rank; mpirun --oversubscribe -n 4 moewire ... gives four"};
    auto const per_node = (n + map.nodes - 1) / map.nodes;
    if (per_node <= map.cores)
        return {"ranks", "ok", fmt::format("{} on {} node(s) with {} cores", n, map.nodes, map.cores)};
    return {"ranks", "note",
            fmt::format("{} a node share {} cores: times scatter, ratios within a run still count", per_node,
                        map.cores)};
}

Finding gpu(Context const& context, NodeMap const& map) {
    auto const count = usable_gpus();
    // Transports are asked of all ranks or none.
    if (context.world.min(std::int64_t{count}) == 0)
        return {"GPU", "note", "none can be used here (see nvidia-smi); models compute on the CPU"};
    use_gpu(gpu_for(map.place_of(context.world.rank())));
    auto const facts = device().facts();
    auto const sharing = ranks_on_one_gpu(context.world);
    auto const found = fmt::format("{} x {} with {}, CUDA {} (driver {}), NCCL {}", count, facts.name,
                                   show_bytes(static_cast<double>(facts.memory_bytes)), facts.runtime,
                                   facts.driver, device().nccl_facts().version_text());
    if (sharing == 1) return {"GPU", "ok", found};
    return {"GPU", "note",
            fmt::format("{}; {} ranks share one: functions can be tried, never speed", found, sharing)};
}

std::vector<Finding> findings(Context const& context, NodeMap const& map) {
    auto const machine = this_machine();
    auto const version = program_version();
    std::vector<Finding> all{
        {"program", "ok",
         fmt::format("moewire {} ({}, {})", version.version, version.git_state, version.compiler)},
        {"host", "ok",
         fmt::format("{}: {}, {} cores, {} memory", machine.host, machine.cpu, machine.cores,
                     show_bytes(static_cast<double>(machine.memory_bytes)))},
        {"MPI", "ok", mpi_library_version()},
        ranks(context, map),
        {"torch", "ok", fmt::format("{}, {} compute thread(s)", torch_version(), compute_threads())},
        {"HDF5", "ok", hdf5_version()},
        gpu(context, map),
        models(),
        texts(),
        figures()};
    for (auto const& backend : Registry<ExchangeBackend>::instance().entries()) {
        auto const on_host = backend.value.waive(context.world, MemoryKind::host);
        auto const on_gpu = has_device() ? backend.value.waive(context.world, MemoryKind::device) : on_host;
        bool const runs = !on_host || !on_gpu;
        all.push_back({"transport " + backend.name, runs ? "ok" : "note",
                       runs           ? backend.description
                       : has_device() ? *on_gpu
                                      : *on_host});
    }
    return all;
}

int run(Context const& context, bool json, double drift_s) {
    auto const map = node_map_of(context.world);
    auto all = findings(context, map);
    for (auto& one : cluster_findings(context, map, drift_s)) all.push_back(std::move(one));
    bool missing = false;
    Table table({"what", "state", "finding"});
    Json object;
    for (auto const& f : all) {
        missing = missing || f.state == "missing";  // complete on rank 0
        table.add({f.what, f.state, f.advice});
        object[f.what] = {{"state", f.state}, {"finding", f.advice}};
        if (!f.values.is_null()) object[f.what]["values"] = f.values;
    }
    print(context, json ? to_text(object) : table.text(TableStyle::plain));
    return context.world.max(std::int64_t{missing}) > 0 ? 3 : 0;
}

// Exit code: 3 when it does not fit.
int run_plan(Context const& context, MemoryRequest const& request, bool json) {
    MemoryPlan plan;
    run_on_all(context.world, [&] {
        plan = plan_memory(request, context.world.size());
        if (request.run && !plan.fits())
            throw unavailable(
                "doctor",
                fmt::format("{} does not fit ({} a rank, {} there); leave out --run to see what would",
                            request.subject.model, show_bytes(static_cast<double>(plan.total_bytes())),
                            show_bytes(static_cast<double>(plan.available_bytes))));
    });
    auto object = to_json(request, plan);
    if (!json) print(context, as_text(request, plan));
    if (request.run) {
        auto const run = run_memory(context, request, plan);
        object["run"] = to_json(run);
        if (!json) print(context, as_text(run));
    }
    if (json) print(context, to_text(object));
    return plan.fits() ? 0 : 3;
}

struct Options {
    MemoryRequest memory;
    bool json = false;
    double drift_s = 0.2;
};

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const o = std::make_shared<Options>();
    o->memory.subject.model.clear();
    declare_memory_options(app, o->memory);
    flag(app, "json", o->json, "Print JSON");
    option(app, "drift_seconds", o->drift_s,
           "Without --model: how long the clocks of several hosts are watched [s]");
    footer(
        app,
        "Without --model: this machine. With it: the memory that a rank needs, by part, and what to change.\n"
        "Examples:\n  moewire doctor --model synth:mixtral-8x7b --ranks 8 --dtype bfloat16 --device_memory "
        "80\n"
        "  mpirun --oversubscribe -n 4 moewire doctor --model synth:phi-3.5-moe --layers 2 --dtype bfloat16 "
        "--run\n"
        "Activations assume even loads of ranks, and a busiest expert of 1.5 times its share; AdamW keeps "
        "two moments in fp32, and a master copy of narrower "
        "weights.\n"
        "Exit code 3 when something that every run needs is missing, or the model does not fit.");
    return [o](Context const& context) {
        return o->memory.subject.model.empty() ? run(context, o->json, o->drift_s)
                                               : run_plan(context, o->memory, o->json);
    };
}

bool const registered = register_in<Command>(
    "doctor", "What can run here, what memory a model needs, and what to do about the rest.", {declare});

}  // namespace
}  // namespace moewire
