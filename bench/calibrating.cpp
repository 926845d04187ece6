#include "bench/calibrating.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/show.hpp"
#include "base/statistics.hpp"
#include "bench/facts.hpp"
#include "bench/subject.hpp"
#include "bench/sweep_sizes.hpp"
#include "gpu/device.hpp"
#include "measure/sweep.hpp"
#include "simulate/probes.hpp"
#include "system/agreement.hpp"
#include "system/environment.hpp"
#include "system/node_map.hpp"
#include "system/provenance.hpp"
#include "system/watchdog.hpp"
#include "transport/wire.hpp"

namespace moewire {
namespace {

constexpr std::int64_t parts_between_gpus = 4;

// Links by name; their capacities too, unless a probe of this moment gave them.
std::string digest_of_topology(Record const& topology) {
    Digest digest;
    digest.update(topology.text("name") + "\n" + topology.text("links"));
    if (topology.text("name") != "probe")
        digest.update(to_grid<double, 1>(topology.at("bandwidth_bytes_per_s")).values());
    return digest.hex();
}

std::int64_t limit_from(std::map<std::string, std::string> const& variables, std::string const& name,
                        std::int64_t usual) {
    auto const found = variables.find("OMPI_MCA_" + name);
    if (found == variables.end()) return usual;
    auto const bytes = parse_size(found->second, "OMPI_MCA_" + name);
    auto const limit = static_cast<std::int64_t>(std::min<std::uint64_t>(bytes, std::uint64_t{1} << 40));
    return std::max<std::int64_t>(0, limit - eager_header_bytes);
}

// Probes of like sizes together, smaller ones first, as the exchanges of one run are of like sizes. Shape of
// the result: [probe][iteration], complete on rank 0.
std::vector<std::vector<double>> measured(Communicator const& world, Exchange& exchange,
                                          std::vector<Probe> const& probes, CalibrateRequest const& r,
                                          std::vector<ClockOffset> const& offsets) {
    std::map<int, std::vector<std::size_t>> bands;
    for (std::size_t i = 0; i < probes.size(); ++i) {
        auto const busiest = busiest_rank_bytes(probes[i].bytes);
        bands[busiest <= std::uint64_t{2} << 20    ? 0
              : busiest <= std::uint64_t{32} << 20 ? 1
                                                   : 2]
            .push_back(i);
    }
    std::vector<std::vector<double>> samples(probes.size());
    for (auto const& [band, members] : bands) {
        std::vector<ByteMatrix> matrices;
        for (auto const i : members) matrices.push_back(probes[i].bytes);
        auto found =
            sweep_matrices(world, exchange, matrices, r.row_bytes, static_cast<std::size_t>(r.iterations),
                           r.seed, offsets, r.launch == "graph" ? Launch::graph : Launch::eager);
        for (std::size_t k = 0; k < found.size(); ++k) samples[members[k]] = std::move(found[k]);
    }
    return samples;
}

// A host that starts exchanges between GPUs is now and then slower for seconds, by up to 10 % of a short
// one's time. So probes are taken in several series, one after another. Shape of the result: [probe][part x
// iteration], complete on rank 0.
std::vector<std::vector<double>> measured_in_parts(Communicator const& world, Exchange& exchange,
                                                   std::vector<Probe> const& probes,
                                                   CalibrateRequest const& r,
                                                   std::vector<ClockOffset> const& offsets) {
    std::vector<std::vector<double>> samples(probes.size());
    for (std::int64_t part = 0; part < r.parts; ++part) {
        auto const more = measured(world, exchange, probes, r, offsets);
        for (std::size_t i = 0; i < more.size(); ++i)
            samples[i].insert(samples[i].end(), more[i].begin(), more[i].end());
    }
    return samples;
}

// As the rules of NCCL saw this job. Throws: unavailable, where NCCL did not say; usage, for an unknown
// version.
NcclJob job_of_rank_zero(NodeMap const& map) {
    auto const channels = nccl_settings().collective_channels;
    if (!channels) {
        throw unavailable(
            "calibration",
            "NCCL did not say how many channels it has (NCCL_DEBUG sends its words elsewhere, or "
            "it runs no exchange here); unset NCCL_DEBUG, or take another --transport");
    }
    auto const facts = device().facts();
    NcclJob job;
    job.version = device().nccl_facts().version;
    job.ranks = static_cast<int>(map.node_of_rank.size());
    job.nodes = map.nodes;
    for (RankId const rank : ids<RankId>(map.node_of_rank.size()))
        job.ranks_per_node = std::max(job.ranks_per_node, map.ranks_with(rank));
    job.link = facts.links > 0 ? NcclLink::nvlink : NcclLink::pcie;
    job.nvlinks = facts.links;
    job.collective_channels = static_cast<int>(*channels);
    NcclRules const known(job);
    if (auto const said = nccl_settings().p2p_channels_per_peer; said && *said != known.channels_per_peer())
        log_warning(
            fmt::format("NCCL {} says {} channels per peer, its rules {} (a calibration may miss where "
                        "messages change their ways)",
                        job.version, *said, known.channels_per_peer()));
    return job;
}

Json samples_json(std::vector<Probe> const& probes, std::vector<std::vector<double>> const& samples,
                  std::int64_t parts, FrozenCalibration const& frozen) {
    Json json{{"calibration_digest", digest_of(frozen)},
              {"unit", "s"},
              {"parts", parts},
              {"probes", Json::array()}};
    for (std::size_t i = 0; i < probes.size(); ++i) {
        Json rows = Json::array();
        for (std::size_t s = 0; s < probes[i].bytes.extent(0); ++s) {
            auto const row = probes[i].bytes.row(s);
            rows.push_back(std::vector<std::uint64_t>(row.begin(), row.end()));
        }
        json["probes"].push_back({{"name", probes[i].name()}, {"bytes", rows}, {"times_s", samples[i]}});
    }
    return json;
}

FrozenCalibration fitted(std::vector<Probe> const& probes, std::vector<std::vector<double>> const& samples,
                         std::int64_t parts, Topology const& topology, EagerLimits const& limits) {
    std::vector<ProbeResult> results;
    for (std::size_t i = 0; i < probes.size(); ++i)
        results.push_back({probes[i].name(), load_of({topology, probes[i].bytes}, limits), samples[i],
                           probes[i].pattern, static_cast<std::size_t>(parts)});
    FrozenCalibration frozen{utc_now(), program_version().version, {}, fit_calibrated(results, limits), {}};
    for (auto const& r : results) {
        frozen.grid.push_back({r.name, r.load.regime, spread_of(r.load), r.load.busiest_bytes, r.typical_s(),
                               frozen.model.time_s(r.load)});
    }
    return frozen;
}

// Collective: all ranks. Complete on rank 0.
FrozenCalibration calibrated_machine(Context const& context, Exchange& exchange, std::string const& transport,
                                     Topology const& topology, std::vector<ClockOffset> const& offsets,
                                     CalibrateRequest r) {
    auto const& world = context.world;
    auto const map = node_map_of(world);
    std::vector<Probe> probes;
    EagerLimits limits;
    bool const by_nccl = exchange.memory() == MemoryKind::device && transport != "mpi";
    if (by_nccl && world.size() > 1) limits.nccl = nccl_job(world, map);
    if (r.parts == 0) r.parts = by_nccl ? parts_between_gpus : 1;
    run_on_all(world, [&] {
        if (world.size() == 1)
            throw unavailable("calibration",
                              "one rank alone exchanges nothing; start several with mpirun -n");
        if (!by_nccl) limits = eager_limits();
        probes = probes_for(map.node_of_rank, edges_of(limits), r.row_bytes,
                            parse_size(r.least_bytes, "--least_bytes"),
                            parse_size(r.most_bytes != "auto" ? r.most_bytes
                                       : by_nccl              ? "64M"
                                                              : "1M",
                                       "--most_bytes"));
    });
    auto const samples = measured_in_parts(world, exchange, probes, r, offsets);
    auto root = root_record(context, map, offsets, transport, r.seed);
    add_launch(root, exchange.memory(), r.launch, r.launch == "graph" ? "chained" : "isolated");
    auto const machine = topology_record(topology);
    FrozenCalibration frozen;
    run_on_all(world, [&] {
        if (!world.is_root()) return;
        frozen = fitted(probes, samples, r.parts, topology, limits);
        frozen.keys = keys_of(root, machine);
        write_file(r.output + ".samples.json", to_text(samples_json(probes, samples, r.parts, frozen)));
        write_file(r.output, freeze(frozen));
    });
    return frozen;
}

}  // namespace

CalibrationKeys keys_of(Record const& root, Record const& topology) {
    CalibrationKeys keys;
    for (auto const* name :
         {"host", "cpu", "cores", "ranks", "nodes", "transport", "mpi_version", "gpu", "launch", "cadence",
          "nccl_version", "nccl_p2p_channels", "nccl_p2p_channels_per_peer"}) {
        if (root.has(name)) keys[name] = to_text(root.attributes.at(name));
    }
    if (auto const* nodes = root.find("node_of_rank"))
        keys["node_of_rank"] = fmt::format("{}", fmt::join(to_grid<std::int32_t, 1>(*nodes).values(), " "));
    keys["topology"] = topology.text("name");
    keys["topology_digest"] = digest_of_topology(topology);
    return keys;
}

void add_launch(Record& root, MemoryKind memory, std::string const& launch, std::string const& cadence) {
    if (memory == MemoryKind::host) return;
    root.attributes["launch"] = launch;
    root.attributes["cadence"] = cadence;
}

EagerLimits eager_limits() {
    auto const variables = environment::snapshot();
    EagerLimits const usual;
    return {limit_from(variables, "btl_vader_eager_limit", usual.within_node_bytes),
            limit_from(variables, "btl_tcp_eager_limit", usual.between_nodes_bytes)};
}

NcclJob nccl_job(Communicator const& world, NodeMap const& map) {
    NcclJob job;
    run_on_all(world, [&] {
        if (world.is_root()) job = job_of_rank_zero(map);
    });
    std::vector<NcclJob> word{job};
    world.broadcast(word);
    return word[0];
}

FrozenCalibration calibrate_here(Context const& context, CalibrateRequest const& r) {
    auto const& world = context.world;
    std::string transport;
    run_on_all(world, [&] {
        std::filesystem::path const path(r.output);
        if (world.is_root()) ensure_writable_folder(path.has_parent_path() ? path.parent_path() : ".");
        if (r.launch != "eager" && r.launch != "graph")
            throw usage_error(fmt::format("--launch is {}; use eager or graph", r.launch));
        if (r.launch == "graph" && r.device != "cuda")
            throw usage_error("--launch graph needs a GPU (rows lie in host memory here); add --device cuda");
    });
    auto const memory = select_memory(world, r.device, r.share_gpu);
    run_on_all(world,
               [&] { transport = r.transport == "auto" ? default_exchange(world, memory) : r.transport; });
    Watchdog watchdog(fmt::format("rank {} of {}", index_of(world.rank()), world.size()), r.timeout_s);
    auto const exchange = guarded(make_exchange(transport, world, memory), watchdog);
    auto const topology = find_topology(world, r.topology, node_map_of(world));
    return calibrated_machine(context, *exchange, transport, topology, clock_offsets(world), r);
}

FrozenCalibration calibration_for(Context const& context, std::filesystem::path const& file, bool is_carried,
                                  Record const& root, Record const& topology) {
    FrozenCalibration frozen;
    run_on_all(context.world, [&] {
        // The head is complete on rank 0 alone.
        frozen = read_calibration(file);
        if (!context.world.is_root()) return;
        auto const here = keys_of(root, topology);
        (is_carried ? expect_same_ways : expect_same_keys)(frozen.keys, here, file.string());
    });
    return frozen;
}

}  // namespace moewire
