#include "bench/cluster_findings.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/show.hpp"
#include "bench/subject.hpp"
#include "gpu/device.hpp"
#include "system/clock.hpp"
#include "system/environment.hpp"
#include "system/limits.hpp"
#include "system/machine.hpp"
#include "system/network.hpp"
#include "system/provenance.hpp"
#include "system/session.hpp"
#include "trace/h5.hpp"
#include "transport/wire.hpp"

namespace moewire {
namespace {

// Ranks by what they say, in the order of the first that says it.
std::vector<std::pair<std::string, std::vector<int>>> by_answer(std::vector<std::string> const& answers) {
    std::vector<std::pair<std::string, std::vector<int>>> groups;
    for (std::size_t rank = 0; rank < answers.size(); ++rank) {
        auto group = std::find_if(groups.begin(), groups.end(),
                                  [&](auto const& g) { return g.first == answers[rank]; });
        if (group == groups.end()) group = groups.insert(groups.end(), {answers[rank], {}});
        group->second.push_back(static_cast<int>(rank));
    }
    return groups;
}

Finding hosts(Context const& context, NodeMap const& map) {
    std::vector<int> ranks(map.host_of_node.size());
    for (auto const node : map.node_of_rank) ++ranks[static_cast<std::size_t>(node)];
    auto const [least, most] = std::minmax_element(ranks.begin(), ranks.end());
    Finding f{"hosts",
              *least == *most ? "ok" : "note",
              "",
              {{"host_of_node", map.host_of_node}, {"node_of_rank", map.node_of_rank}}};
    std::vector<std::string> words;
    for (std::size_t node = 0; node < ranks.size(); ++node)
        words.push_back(fmt::format("{} x {}", map.host_of_node[node], ranks[node]));
    f.advice = fmt::format("{} ranks: {}", context.world.size(), fmt::join(words, ", "));
    if (*least != *most)
        f.advice += "; unequal hosts make unequal ports: ask for as many tasks on each (--ntasks-per-node)";
    return f;
}

Finding network(Context const& context, NodeMap const& map) {
    auto const answers = context.world.gather(this_machine().host + ": " + show_network());
    Finding f{"network", "ok", "", {{"hosts", Json::array()}}};
    std::vector<std::string> words;
    for (auto const& [answer, ranks] : by_answer(answers)) words.push_back(answer);
    f.values["hosts"] = words;
    f.advice = fmt::format("{}", fmt::join(words, "; "));
    if (map.nodes > 1 && f.advice.find("loopback alone") != std::string::npos) {
        f.state = "missing";
        f.advice += "; a host without an interface cannot reach the others: ask the administrator";
    }
    auto const settings = environment::snapshot();
    auto const chosen = settings.find("OMPI_MCA_btl_tcp_if_include");
    if (chosen != settings.end()) {
        f.advice += "; MPI's TCP was told to use " + chosen->second;
    } else if (map.nodes > 1 && f.state == "ok" && infiniband_ports().empty()) {
        f.state = "note";
        f.advice += "; MPI chooses among them: name one by --mpi-if (MOEWIRE_MPI_IF in slurm/site.sh)";
    }
    return f;
}

Finding infiniband(Context const& context) {
    auto const ports = infiniband_ports();
    bool const active = std::any_of(ports.begin(), ports.end(), [](auto const& p) { return p.is_active(); });
    auto const with = context.world.sum(std::int64_t{active});
    auto const size = context.world.size();
    if (context.world.max(std::int64_t{!ports.empty()}) == 0)
        return {"InfiniBand", "note", "no device on any host: ranks on different hosts talk by TCP"};
    if (with == size)
        return {"InfiniBand", "ok", "an active port for every rank; NCCL_IB_HCA chooses among several"};
    return {"InfiniBand", "missing",
            fmt::format("an active port for {} of {} ranks only (the others would fall back to TCP); exclude "
                        "those hosts (sbatch --exclude), and report them",
                        with, size)};
}

Finding gpu_direct(Context const& context) {
    if (context.world.max(std::int64_t{usable_gpus()}) == 0)
        return {"GPUDirect", "note", "no GPU: nothing to read directly"};
    bool const loaded = !gpu_direct_module().empty();
    auto const without = context.world.sum(std::int64_t{!loaded});
    if (without == 0) return {"GPUDirect", "ok", gpu_direct_module() + " is loaded on every host"};
    return {"GPUDirect", "note",
            fmt::format("no nvidia_peermem under {} ranks: unless the kernel offers DMA-BUF, NCCL stages "
                        "between hosts through host memory; ask for the module, and see NCCL_DEBUG=INFO",
                        without)};
}

// Two ranks on one GPU are found from what the scheduler left each to see, before any GPU is touched.
Finding gpu_binding(Context const& context, NodeMap const& map) {
    auto const visible = environment::visible_gpus();
    auto const place = map.place_of(context.world.rank());
    auto const node = map.node_of_rank[index_of(context.world.rank())];
    std::string mine = "none";
    if (visible && !visible->empty()) {
        std::vector<std::string> names;
        for (std::size_t at = 0; at <= visible->size();) {
            auto const comma = std::min(visible->find(',', at), visible->size());
            names.push_back(visible->substr(at, comma - at));
            at = comma + 1;
        }
        mine = names[static_cast<std::size_t>(place) % names.size()];
    } else if (usable_gpus() > 0) {
        mine = std::to_string(gpu_for(place));
    }
    auto const answers = context.world.gather(fmt::format("{} {}", node, mine));
    Finding f{"GPU binding",
              "note",
              "no GPU was given to any rank: ask by --gpus-per-task=1 or --gres=gpu:N",
              {{"node_and_gpu_of_rank", answers}}};
    std::vector<std::string> shared;
    bool any = false;
    for (auto const& [answer, ranks] : by_answer(answers)) {
        if (answer.ends_with(" none")) continue;
        any = true;
        if (ranks.size() > 1)
            shared.push_back(fmt::format("ranks {} share GPU {}", fmt::join(ranks, ", "),
                                         answer.substr(answer.find(' ') + 1)));
    }
    if (!any) return f;
    f.state = shared.empty() ? "ok" : "missing";
    f.advice = shared.empty() ? "every rank has a GPU of its own"
                              : fmt::format(
                                    "{}; start one rank a GPU (--gpus-per-task=1), or ask for it by "
                                    "--share_gpu",
                                    fmt::join(shared, "; "));
    return f;
}

Finding clocks(Context const& context, double drift_s) {
    auto const first = clock_offsets(context.world);
    double const begin_s = monotonic_s();
    std::this_thread::sleep_for(std::chrono::duration<double>(drift_s));
    auto const second = clock_offsets(context.world);
    double const between_s = monotonic_s() - begin_s;
    double worst_bound_s = 0, worst_drift = 0, drift_bound = 0;
    Json offset_s = Json::array(), bound_s = Json::array();
    for (std::size_t rank = 0; rank < first.size(); ++rank) {
        offset_s.push_back(second[rank].offset_s);
        bound_s.push_back(second[rank].bound_s);
        worst_bound_s = std::max(worst_bound_s, second[rank].bound_s);
        worst_drift =
            std::max(worst_drift, std::abs(second[rank].offset_s - first[rank].offset_s) / between_s);
        drift_bound = std::max(drift_bound, (first[rank].bound_s + second[rank].bound_s) / between_s);
    }
    Finding f{"clocks",
              "ok",
              "",
              {{"offset_s", offset_s},
               {"bound_s", bound_s},
               {"drift_ratio", worst_drift},
               {"drift_bound_ratio", drift_bound}}};
    if (worst_bound_s == 0) {
        f.advice = "all ranks read one clock";
        return f;
    }
    f.advice = fmt::format("offsets known to +-{}; drift at most {:.3g} us a second (+-{:.3g})",
                           show_seconds(worst_bound_s), worst_drift * 1e6, drift_bound * 1e6);
    if (worst_bound_s > 100e-6) {
        f.state = "note";
        f.advice +=
            "; times below that bound cannot be split into waiting and transfer: use a faster network "
            "(--mpi-if), or look at host_s alone";
    }
    return f;
}

Finding versions(Context const& context) {
    auto const version = program_version();
    auto const nccl =
        usable_gpus() > 0 && has_device() ? device().nccl_facts().version_text() : std::string("none");
    auto const mine =
        fmt::format("moewire {} ({}), {}, torch {}, HDF5 {}, NCCL {}", version.version, version.git_state,
                    mpi_library_version(), torch_version(), hdf5_version(), nccl);
    auto const groups = by_answer(context.world.gather(mine));
    if (groups.size() <= 1) return {"versions", "ok", "equal on all ranks: " + mine};
    std::vector<std::string> words;
    for (auto const& [answer, ranks] : groups)
        words.push_back(fmt::format("ranks {}: {}", fmt::join(ranks, ", "), answer));
    return {
        "versions", "missing",
        fmt::format("{}; run one program from a shared file system, and load the same modules on all hosts",
                    fmt::join(words, "; "))};
}

std::string show_limit(std::int64_t bytes) {
    return bytes < 0 ? "unlimited" : show_bytes(static_cast<double>(bytes));
}

// The least of all ranks; without limit counts as most.
std::int64_t least_of(Context const& context, std::int64_t value) {
    constexpr auto most = std::int64_t{1} << 62;
    auto const least = context.world.min(value < 0 ? most : value);
    return least == most ? -1 : least;
}

std::vector<Finding> limits(Context const& context) {
    auto const here = limits_here();
    auto const finding = [&](char const* name, std::int64_t value, std::int64_t enough, bool in_bytes,
                             char const* advice) {
        auto const least = least_of(context, value);
        auto text = in_bytes ? show_limit(least) : least < 0 ? "unlimited" : std::to_string(least);
        bool const ok = least < 0 || least >= enough;
        return Finding{name, ok ? "ok" : "note", ok ? text : text + "; " + advice, {{"least", least}}};
    };
    return {finding("limit memlock", here.locked_bytes, std::int64_t{1} << 30, true,
                    "InfiniBand and pinned memory need more: ulimit -l unlimited, in Slurm "
                    "PropagateResourceLimitsExcept=MEMLOCK"),
            finding("limit stack", here.stack_bytes, std::int64_t{8} << 20, true,
                    "ulimit -s 8192 before the start"),
            finding("limit open files", here.open_files, 1024 + 4 * context.world.size(), false,
                    "TCP opens a socket for every pair of ranks: ulimit -n 65536"),
            finding("limit /dev/shm", here.shared_bytes, std::int64_t{256} << 20, true,
                    "ranks of a host talk through it: --shm-size=1g in a container")};
}

Finding eager(Context const& context) {
    Finding f{"eager limits", "note", "MPI was not started, or has no such settings", Json::object()};
    std::vector<std::string> words;
    for (auto const* name : {"btl_vader_eager_limit", "btl_tcp_eager_limit", "btl_tcp_rndv_eager_limit"}) {
        auto const value = mpi_setting(name);
        // -1: this MPI does not know it.
        auto const least = least_of(context, value.value_or(0));
        if (least <= 0) continue;
        words.push_back(fmt::format("{} {}", name, show_bytes(static_cast<double>(least))));
        f.values[name] = least;
    }
    if (words.empty()) return f;
    f.state = "ok";
    f.advice = fmt::format(
        "{}; larger messages wait for the receiver first. Over TCP its answer queues behind what it "
        "is sending the other way: a uniform exchange above the limit can take 1.6 times as long: "
        "OMPI_MCA_btl_tcp_eager_limit=33554432",
        fmt::join(words, ", "));
    return f;
}

Finding nvlink(Context const& context) {
    if (context.world.min(std::int64_t{has_device()}) == 0)
        return {"NVLink", "note", "no GPU is in use: nothing to link"};
    auto const rate = device().facts().link_bytes_per_s;
    bool const linked = context.world.min(std::int64_t{rate > 0}) > 0;
    if (linked)
        return {"NVLink", "ok", fmt::format("{} in each direction of each GPU, on paper", show_rate(rate))};
    return {"NVLink", "note", "not on all GPUs: those without talk by PCIe (see nvidia-smi topo -m)"};
}

}  // namespace

std::vector<Finding> cluster_findings(Context const& context, NodeMap const& map, double drift_s) {
    std::vector<Finding> all{hosts(context, map),      network(context, map),     infiniband(context),
                             gpu_direct(context),      gpu_binding(context, map), nvlink(context),
                             clocks(context, drift_s), versions(context)};
    for (auto& one : limits(context)) all.push_back(std::move(one));
    all.push_back(eager(context));
    return all;
}

}  // namespace moewire
