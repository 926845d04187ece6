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
    int kept = 0;             // of them, found finished by a resumed run
    bool was_whole = false;   // a finished trace was resumed
    int open_groups = 0;      // left when the run was asked to end
    std::string interrupted;  // the signal that asked; empty: nobody did
};

// Collective: all ranks. `evaluations` and `notes` go into the model's record.
// Throws on all ranks: usage and unavailable before anything is measured. A case that fails is recorded as
// failed, and the others go on. SIGTERM and SIGUSR1 end the run after the group in hand; with `resume` only
// what is missing is measured. Another run into the same trace is refused.
MeasureOutcome measure(Context const& context, MeasureRequest const& request, Subject& subject,
                       PlainParallel const& parallel, std::vector<Evaluation> const& evaluations,
                       Attributes const& notes = {});

// How to go on with an interrupted run, in one line.
std::string resume_line(Context const& context, MeasureOutcome const& outcome);

}  // namespace moewire
