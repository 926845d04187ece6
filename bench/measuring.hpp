// How is a run carried out? Steps 1 to 8 for all texts, modes and strategies, into one trace.
#pragma once

#include <filesystem>
#include <vector>

#include "bench/evaluation.hpp"
#include "bench/measure_request.hpp"
#include "trace/record.hpp"

namespace moewire {

struct MeasureOutcome {
    std::filesystem::path trace;
    int ok = 0, waived = 0, failed = 0;
};

// Collective: all ranks. `evaluations` and `notes` go into the model's record.
// Throws on all ranks: usage and unavailable before anything is measured. A case that fails is recorded as
// failed, and the others go on.
MeasureOutcome measure(Context const& context, MeasureRequest const& request, Subject& subject,
                       PlainParallel const& parallel, std::vector<Evaluation> const& evaluations,
                       Attributes const& notes = {});

}  // namespace moewire
