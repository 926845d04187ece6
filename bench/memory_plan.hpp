// Does this model fit, and if not, what would? Memory of a rank by part, beside what there is, or beside a
// run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "bench/subject.hpp"
#include "model/footprint.hpp"

namespace moewire {

struct MemoryRequest {
    SubjectRequest subject;
    int ranks = 0;  // 0: as many as were started
    std::int64_t tokens_per_rank = 1024;
    std::int64_t window = 256;
    std::int64_t decode_positions = 0;  // > 0: each token is the next of a sequence of at most so many
    std::int64_t copies = 0;            // further copies of experts, on a rank in each layer
    double device_memory_gib = 0;       // of each rank's device; 0: this host's memory, shared by all ranks
    bool train = false;
    bool run = false;  // load it, run one pass, and say what it really took
};
void declare_memory_options(CLI::App& app, MemoryRequest& request);

// One rank's memory, and whether it fits.
struct MemoryPlan {
    ModelConfig config;
    Workload load;
    ParameterCount parameters;
    Footprint footprint;
    std::int64_t program_bytes = 0;    // of this very process without a model
    std::int64_t available_bytes = 0;  // for one rank
    std::string available_where;       // in words
    std::vector<std::string> advice;   // what would fit; empty, when it does

    std::int64_t total_bytes() const { return program_bytes + footprint.total(); }
    bool fits() const { return total_bytes() <= available_bytes; }
};

// Call before anything large is loaded. Throws: usage, for names and numbers that make no sense.
MemoryPlan plan_memory(MemoryRequest const& request, int started_ranks);

// Every rank's peak of resident memory over one pass of random tokens, beside what was planned for it.
struct MemoryRun {
    std::vector<std::int64_t> planned_bytes, peak_bytes;  // Shape: [rank]; complete on rank 0
};
// Collective: all ranks, as many as planned. Throws on all ranks: usage, unavailable (training).
MemoryRun run_memory(Context const& context, MemoryRequest const& request, MemoryPlan const& plan);

std::string as_text(MemoryRequest const& request, MemoryPlan const& plan);
std::string as_text(MemoryRun const& run);
Json to_json(MemoryRequest const& request, MemoryPlan const& plan);
Json to_json(MemoryRun const& run);

}  // namespace moewire
