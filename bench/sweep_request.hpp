// What is to be swept? The options of `moewire sweep`, and the rungs that they ask for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/command.hpp"
#include "measure/ladder.hpp"
#include "traffic/matrix_file.hpp"

namespace moewire {

struct SweepRequest {
    std::string exchange = "auto";
    std::string device = "cpu";                              // cpu or cuda
    std::string registration = "none";                       // none, local or window
    std::string allocator = "cuda";                          // cuda or nccl
    std::string min_bytes = "1K", max_bytes = "32M", sizes;  // numbers with K, M or G; sizes by comma
    std::int64_t factor = 2;
    std::vector<std::string> matrices;  // files
    double matrix_scale = 1;
    std::string shapes, controls, payloads = "per_expert";  // by comma
    std::string write_matrix;
    std::string cadence = "isolated";
    std::int64_t iterations = 20, warmups = 2, row_bytes = matrix_step_bytes;
    double until_width_percent = 0, max_seconds = 0, timeout_s = default_timeout_s;
    std::uint64_t seed = 0;
    bool json = false, quick = false;
    bool share_gpu = false;  // else two ranks on one GPU are an error
    std::string output;
};

void declare_sweep_options(CLI::App& app, SweepRequest& request);

// Throws: usage, for numbers and combinations that make no sense. Names are checked where they are used.
LadderSetting ladder_setting(SweepRequest const& request);

// What a rung is: a size that is the same for all pairs, a matrix out of a file, or a shape's.
enum class RungKind { floor, size, matrix, shape };
char const* name_of(RungKind kind);

struct SweepRung {
    RungKind kind = RungKind::size;
    std::string name;
    ByteMatrix bytes;  // Shape: [source, destination]; whole rows
};

// Collective: all ranks. Sizes in ascending order, then matrices and shapes as they were named; sizes alone
// are not swept where matrices or shapes were asked for. Throws on all ranks: usage.
std::vector<SweepRung> rungs_of(Context const& context, SweepRequest const& request);

// Before the others: an exchange of nothing, and one in which every rank keeps 1 KiB (or a row) to itself.
// What the harness and the exchange cost without a wire.
std::vector<SweepRung> floor_rungs(int ranks, SweepRequest const& request);

}  // namespace moewire
