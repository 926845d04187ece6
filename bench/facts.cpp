#include "bench/facts.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.hpp"
#include "base/json.hpp"
#include "base/show.hpp"
#include "bench/places.hpp"
#include "gpu/device.hpp"
#include "system/agreement.hpp"
#include "system/environment.hpp"
#include "system/machine.hpp"
#include "system/network.hpp"
#include "system/provenance.hpp"
#include "system/session.hpp"
#include "trace/h5.hpp"
#include "trace/schema.hpp"
#include "transport/wire.hpp"

namespace moewire {
namespace {

// Nothing leaves a GPU faster than its links carry on paper, or than its memory is read. The quickest of all
// ranks stands for all: a bound may be too low, never too high.
MachineDescription probed_gpus(Communicator const& world) {
    auto const facts = device().facts();
    bool const apart = ranks_on_one_gpu(world) == 1;
    bool const linked = apart && facts.link_bytes_per_s > 0;
    double const port = world.max(linked ? facts.link_bytes_per_s : facts.memory_bytes_per_s);
    MachineDescription machine;
    machine.name = "probe";
    machine.description =
        "GPUs: what a rank sends or gets is limited by its links, or else by its memory, on paper.";
    machine.rank_out_bytes_per_s = port;
    machine.rank_in_bytes_per_s = port;
    return machine;
}

MachineDescription probed_machine(Communicator const& world) {
    // One rank a time would be ideal; rank 0 stands for its equals, and the best of many short trials is
    // taken.
    if (has_device()) return probed_gpus(world);
    double const core_bytes_per_s = world.max(world.is_root() ? peak_copy_bytes_per_s() : 0.0);
    MachineDescription machine;
    machine.name = "probe";
    machine.description =
        "This host: traffic inside a node is limited by what its cores can copy from cache.";
    machine.node_memory_bytes_per_s = core_bytes_per_s * this_machine().cores;
    return machine;
}

// Collective. What each rank's GPU is and how fast it may run at this moment.
void add_gpus(Context const& context, Record& record) {
    auto& a = record.attributes;
    a["gpu"] = std::string("none");
    if (!has_device()) return;
    auto const facts = device().facts();
    auto const state = device().state();
    Json const mine = {{"name", facts.name},
                       {"uuid", facts.uuid},
                       {"pci_bus_id", facts.pci_bus_id},
                       {"memory_bytes", facts.memory_bytes},
                       {"driver", facts.driver},
                       {"runtime", facts.runtime},
                       {"sm_clock_mhz", state.sm_clock_mhz},
                       {"memory_clock_mhz", state.memory_clock_mhz},
                       {"power_w", state.power_w},
                       {"temperature_c", state.temperature_c},
                       {"throttled", state.throttled}};
    Json all = Json::array();
    for (auto const& text : context.world.gather(mine.dump())) all.push_back(Json::parse(text));
    auto const sharing = ranks_on_one_gpu(context.world);
    a["gpu"] = facts.name;
    a["gpus"] = all.dump();
    a["nccl_version"] = device().nccl_facts().version_text();
    a["ranks_on_one_gpu"] = std::int64_t{sharing};
    a["representative"] = std::int64_t{sharing == 1};
    auto const& nccl = nccl_settings();
    auto const add = [&](char const* name, std::optional<std::int64_t> value) {
        if (value) a[name] = *value;
    };
    add("nccl_collective_channels", nccl.collective_channels);
    add("nccl_p2p_channels", nccl.p2p_channels);
    add("nccl_p2p_channels_per_peer", nccl.p2p_channels_per_peer);
    add("nccl_p2p_chunk_bytes", nccl.p2p_chunk_bytes);
    if (!nccl.topology.empty()) a["nccl_topology_xml"] = nccl.topology;
    if (sharing > 1) {
        a["why_not_representative"] = std::string(
            "ranks share a GPU, which runs them in turn: what they do is right, "
            "how long it takes says nothing");
    }
}

// Collective. What MPI and NCCL were told to use, and the interfaces of each rank's host that are up; ranks
// of equal findings stand together.
std::string network_of_all(Communicator const& world) {
    Json json = Json::object();
    auto const environment = environment::snapshot();
    for (auto const* name : {"OMPI_MCA_btl", "OMPI_MCA_btl_tcp_if_include", "OMPI_MCA_btl_tcp_if_exclude",
                             "OMPI_MCA_oob_tcp_if_include", "UCX_NET_DEVICES", "NCCL_SOCKET_IFNAME",
                             "NCCL_IB_HCA", "NCCL_IB_DISABLE", "NCCL_NET"}) {
        if (auto const found = environment.find(name); found != environment.end()) json[name] = found->second;
    }
    auto const mine = this_machine().host + ": " + show_network();
    std::set<std::string> hosts;
    for (auto const& line : world.gather(mine)) hosts.insert(line);
    json["hosts"] = hosts;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Topology find_topology(Communicator const& world, std::string const& name, NodeMap const& map) {
    MachineDescription machine;
    if (name == "probe") {
        machine = probed_machine(world);
    } else {
        run_on_all(world, [&] { machine = read_machine(topology_file(name)); });
    }
    return {std::move(machine), map.node_of_rank};
}

Record root_record(Context const& context, NodeMap const& map, std::vector<ClockOffset> const& offsets,
                   std::string const& transport, std::uint64_t seed) {
    auto const version = program_version();
    auto const machine = this_machine();
    Json environment = Json::object();
    for (auto const& [name, value] : environment::snapshot()) environment[name] = value;
    Grid<double, 1> offset_s(offsets.size()), bound_s(offsets.size());
    Grid<std::int32_t, 1> nodes({map.node_of_rank.size()}, map.node_of_rank);
    double worst_bound_s = 0;
    for (std::size_t rank = 0; rank < offsets.size(); ++rank) {
        offset_s(rank) = offsets[rank].offset_s;
        bound_s(rank) = offsets[rank].bound_s;
        worst_bound_s = std::max(worst_bound_s, offsets[rank].bound_s);
    }
    Record record{place::root, {}, {}};
    record.attributes = {
        {"schema_version", schema_version()},
        {"created_utc", utc_now()},
        {"program_version", version.version},
        {"git_state", version.git_state},
        {"build_type", version.build_type},
        {"compiler", version.compiler},
        {"command_line", context.command_line},
        {"seed", static_cast<std::int64_t>(seed)},
        {"host", machine.host},
        {"cpu", machine.cpu},
        {"kernel", machine.kernel},
        {"cores", std::int64_t{map.cores}},
        {"memory_bytes", machine.memory_bytes},
        {"ranks", std::int64_t{context.world.size()}},
        {"nodes", std::int64_t{map.nodes}},
        {"hosts", fmt::format("{}", fmt::join(map.host_of_node, "\n"))},
        {"network", network_of_all(context.world)},
        {"slurm_job", environment::slurm_job()},
        {"threads_per_rank", std::int64_t{compute_threads()}},
        {"transport", transport},
        {"mpi_version", mpi_library_version()},
        {"torch_version", torch_version()},
        {"hdf5_version", hdf5_version()},
        {"environment", environment.dump(-1, ' ', false, Json::error_handler_t::replace)},
        {"clock_method", offsets.empty() ? std::string("same clock") : offsets.back().method},
        {"clock_bound_s", worst_bound_s}};
    add_gpus(context, record);
    record.datasets = {make_dataset("clock_offset_s", "s", {"rank"}, offset_s),
                       make_dataset("clock_bound_s", "s", {"rank"}, bound_s),
                       make_dataset("node_of_rank", "1", {"rank"}, nodes)};
    return record;
}

Record topology_record(Topology const& topology) {
    auto const& machine = topology.machine();
    Record record{place::topology, {{"name", machine.name}, {"description", machine.description}}, {}};
    Grid<double, 1> latency_s(topology.resources().size()), bandwidth(topology.resources().size());
    std::vector<std::string> names;
    for (std::size_t i = 0; i < topology.resources().size(); ++i) {
        names.push_back(topology.resources()[i].name);
        latency_s(i) = machine.latency_s;
        bandwidth(i) = topology.resources()[i].capacity_bytes_per_s;
    }
    record.attributes["links"] = fmt::format("{}", fmt::join(names, "\n"));
    record.datasets = {make_dataset("latency_s", "s", {"link"}, latency_s),
                       make_dataset("bandwidth_bytes_per_s", "bytes/s", {"link"}, bandwidth)};
    return record;
}

Record model_record(Subject const& subject, std::vector<Evaluation> const& evaluations) {
    auto const& f = subject.facts();
    Record record{place::model(f.name), {}, {}};
    record.attributes = {{"name", f.name},
                         {"architecture", f.architecture},
                         {"layers", f.layers},
                         {"experts", std::int64_t{f.experts}},
                         {"top_k", f.top_k},
                         {"hidden_size", f.hidden_size},
                         {"vocabulary", f.vocabulary},
                         {"parameters", f.parameters},
                         {"row_bytes", f.row_bytes},
                         {"expert_bytes", f.expert_bytes},
                         {"weight_digest", subject.model->weight_digest()},
                         {"weights", std::string(f.is_synthetic ? "made up" : "trained")},
                         {"synthetic", std::int64_t{f.is_synthetic}},
                         {"arm", std::string("base")},
                         {"config", read_file(subject.config_file)}};
    for (auto const& e : evaluations) {
        record.attributes["perplexity." + e.dataset] = e.perplexity;
        record.attributes["bits_per_byte." + e.dataset] = e.bits_per_byte;
        record.attributes["targets." + e.dataset] = e.targets;
        record.attributes["protocol." + e.dataset] = fmt::format(
            "{}, window {}, {} windows, {}, BOS {}", e.protocol, e.window_tokens, e.windows, e.dtype, e.bos);
    }
    return record;
}

}  // namespace moewire
