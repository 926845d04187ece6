// How does a command write a report? All formats into one folder, pictures first.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bench/command.hpp"
#include "report/report.hpp"

namespace moewire {

struct ReportRequest {
    std::filesystem::path folder;
    std::string formats = "all";    // names of the catalogue, by comma
    std::filesystem::path library;  // plotly's JavaScript; empty: the set-up's
    bool draws = true;              // pictures too
};

// Returns the file to open first: the page where it is among the formats. Rank 0 alone.
// Throws: usage, for an unknown format, before anything is written; failure, when it cannot write.
std::filesystem::path write_report(Findings const& findings, ReportRequest const& request);

}  // namespace moewire
