// moewire sweep: one exchange, size after size, as nccl-tests has them.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/progress.hpp"
#include "bench/subject.hpp"
#include "bench/sweep_output.hpp"
#include "system/agreement.hpp"
#include "system/clock.hpp"
#include "system/node_map.hpp"
#include "system/watchdog.hpp"

namespace moewire {
namespace {

// The memory in which an exchange moves rows, and the clock that sees it.
std::unique_ptr<Lane> lane_for(SweepRequest const& r, MemoryKind memory, Communicator const& world) {
    if (memory == MemoryKind::host) return make_host_lane(world);
    bool const is_of_nccl = r.allocator == "nccl" || r.registration == "window";
    return make_device_lane(world, is_of_nccl ? DeviceMemory::registrable : DeviceMemory::device);
}

// Collective. Selects this rank's GPU where rows shall lie on one.
MemoryKind memory_of(Context const& context, SweepRequest const& r) {
    run_on_all(context.world, [&] {
        auto const registers = r.registration == "local" || r.registration == "window";
        if (!registers && r.registration != "none")
            throw usage_error(fmt::format("--register is {}; use none, local or window", r.registration));
        if (r.allocator != "cuda" && r.allocator != "nccl")
            throw usage_error(fmt::format("--allocator is {}; use cuda or nccl", r.allocator));
        if (r.device == "cpu" && r.allocator == "nccl")
            throw usage_error(
                "--allocator nccl is for memory of GPUs (rows lie in host memory here); add --device cuda");
        if (r.device == "cpu" && registers)
            throw usage_error(
                "--register is for memory of GPUs (rows lie in host memory here); add --device cuda");
    });
    return select_memory(context.world, r.device, r.share_gpu);
}

void register_rooms(Ladder& ladder, SweepRequest const& r, Communicator const& world) {
    if (r.registration == "none") return;
    auto const why_not = ladder.register_memory(r.registration == "local" ? Exchange::Registration::local
                                                                          : Exchange::Registration::window);
    run_on_all(world, [&] {
        if (why_not)
            throw unavailable("sweep",
                              fmt::format("--register {} cannot be had ({})", r.registration, *why_not));
    });
}

// Before anything is measured: results that cannot be written are worth nothing.
void check_output(SweepRequest const& r) {
    if (r.output.empty()) return;
    std::filesystem::path const path(r.output);
    if (path.extension() != ".json" && path.extension() != ".csv")
        throw usage_error(
            fmt::format("--output {} ends neither in .json nor in .csv (which says the format); "
                        "rename it",
                        r.output));
    ensure_writable_folder(path.has_parent_path() ? path.parent_path() : ".");
}

// Exchanges one row with every rank twice, which the first time makes connections.
void connect(Ladder& ladder, ByteMatrix const& one_row, SetUp& set_up) {
    set_up.first_call_s = ladder.call(one_row);
    set_up.second_call_s = ladder.call(one_row);
}

Sweep measure(Context const& context, SweepRequest const& r, LadderSetting setting,
              std::vector<SweepRung> rungs) {
    auto const& world = context.world;
    auto const memory = memory_of(context, r);
    Sweep sweep{r,
                context.command_line,
                r.exchange == "auto" ? default_exchange(world, memory) : r.exchange,
                "",
                world.size(),
                node_map_of(world).nodes,
                {},
                {}};
    Watchdog watchdog(fmt::format("rank {} of {}", index_of(world.rank()), world.size()), r.timeout_s);
    world.barrier();
    double const begin_s = monotonic_s();
    auto exchange = make_exchange(sweep.exchange, world, memory);
    if (memory == MemoryKind::host) {
        exchange = guarded(std::move(exchange), watchdog);
    } else {
        setting.watchdog = &watchdog;
    }
    sweep.set_up.make_s = world.max(monotonic_s() - begin_s);
    auto const lane = lane_for(r, memory, world);
    sweep.clock = lane->clock();

    auto const floor = floor_rungs(world.size(), r);
    rungs.insert(rungs.begin(), floor.begin(), floor.end());
    ByteMatrix one_row(world.size(), world.size());
    std::fill(one_row.values().begin(), one_row.values().end(), static_cast<std::uint64_t>(r.row_bytes));
    std::vector<ByteMatrix> all{one_row};
    for (auto const& rung : rungs) all.push_back(rung.bytes);
    Ladder ladder(world, *exchange, *lane, setting, all);
    register_rooms(ladder, r, world);
    connect(ladder, one_row, sweep.set_up);
    Progress progress("sweep", std::ssize(rungs), "rungs", progress_style(world.is_root() && !r.json));
    for (auto const& rung : rungs) {
        auto samples = ladder.climb(rung.bytes);
        if (world.is_root()) {
            auto const figures = figures_of(samples.rank_s, rung.bytes);
            sweep.rungs.push_back({rung, std::move(samples), figures});
        }
        progress.advance();
    }
    return sweep;
}

int run(Context const& context, SweepRequest const& r) {
    LadderSetting setting;
    run_on_all(context.world, [&] {
        setting = ladder_setting(r);
        if (context.world.is_root()) check_output(r);
    });
    auto const rungs = rungs_of(context, r);
    run_on_all(context.world, [&] {
        if (!r.write_matrix.empty() && context.world.is_root()) write_matrix(r.write_matrix, rungs[0].bytes);
    });
    auto const sweep = measure(context, r, setting, rungs);
    run_on_all(context.world, [&] {
        if (r.output.empty() || !context.world.is_root()) return;
        write_file(r.output, r.output.ends_with(".csv") ? sweep_csv(sweep) : sweep_json(sweep));
    });
    if (!context.world.is_root()) return 0;
    print(context, r.json ? sweep_json(sweep) : sweep_table(sweep));
    return 0;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const r = std::make_shared<SweepRequest>();
    declare_sweep_options(app, *r);
    return [r](Context const& context) { return run(context, *r); };
}

bool const registered = register_in<Command>(
    "sweep", "How long one exchange takes, size after size, comparable with nccl-tests.", {declare});

}  // namespace
}  // namespace moewire
