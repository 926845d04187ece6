// What does a run mean, all told? One analysis of each trace, from which every report format writes.
#pragma once

#include <string>
#include <vector>

#include "report/baseline.hpp"
#include "report/expectations.hpp"
#include "report/runs.hpp"
#include "report/sentence.hpp"

namespace moewire {

// One trace, read and judged.
struct Run {
    std::string name;  // short, and unlike that of any other run of the report
    Trace trace;
    std::vector<Group> groups;
    std::vector<ModelAccuracy> accuracy;
    std::vector<Sentence> answers;  // most telling first
    std::vector<Sentence> limits;   // what the figures do not show
    std::vector<Expectation> expectations;
};

struct Findings {
    std::vector<Run> runs;
    std::vector<ProvenanceRow> provenance;   // where several runs differ
    std::vector<RunDifference> differences;  // cases of the first run in each other one
    std::vector<BaselineRow> baseline;       // empty without a baseline
    std::string baseline_name;
};

// Throws: failure, when a case lacks what its status promises.
Findings find(std::vector<Trace> traces);

// The three sentences that a reader in a hurry needs: what is fastest, how well that was foreseen or what it
// costs, and what the figures do not show.
std::vector<Sentence> most_important(Run const& run);

}  // namespace moewire
