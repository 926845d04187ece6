// How is a machine calibrated? Probes measured as cases are, a fit, and a file that is frozen before any
// case.
#pragma once

#include <filesystem>
#include <string>

#include "bench/command.hpp"
#include "simulate/calibration_file.hpp"
#include "system/clock.hpp"
#include "system/node_map.hpp"
#include "topology/topology.hpp"
#include "trace/record.hpp"
#include "transport/exchange.hpp"

namespace moewire {

struct CalibrateRequest {
    std::string transport = "auto", topology = "probe";
    std::string device = "cpu", launch = "eager";
    bool share_gpu = false;
    std::string least_bytes = "256", most_bytes = "auto";  // of one message
    std::int64_t iterations = 20, row_bytes = 256;         // iterations: of every part
    std::int64_t parts = 0;                                // 0: 4 between GPUs, else 1
    std::uint64_t seed = 0;
    double timeout_s = default_timeout_s;
    std::string output = "calibration.toml";
};

// What must be the same, out of the head of a trace and its topology (see facts.hpp).
CalibrationKeys keys_of(Record const& root, Record const& topology);

// What times depend on besides: how exchanges on a GPU are started. Nothing on hosts.
void add_launch(Record& root, MemoryKind memory, std::string const& launch, std::string const& cadence);

// As Open MPI was told, or its own. Throws: usage, for a variable that is no number.
EagerLimits eager_limits();

// Collective: all ranks. What NCCL's rules are computed from, as it set itself up here.
// Throws on all ranks: unavailable, where it did not say; usage, for a version whose rules are not known.
NcclJob nccl_job(Communicator const& world, NodeMap const& map);

// Collective: all ranks. Probes every pattern and size, fits on rank 0, and writes the frozen file and,
// beside it, FILE.samples.json with every sample. Complete on rank 0. Throws on all ranks: usage; failure.
FrozenCalibration calibrate_here(Context const& context, CalibrateRequest const& request);

// Collective: all ranks. Reads a frozen file on every rank and compares its keys with this run's; of one that
// is carried over, only how it exchanges. Throws on all ranks: usage, when the file is not there, damaged,
// changed, or made elsewhere.
FrozenCalibration calibration_for(Context const& context, std::filesystem::path const& file, bool is_carried,
                                  Record const& root, Record const& topology);

}  // namespace moewire
