// What does a run mean? Writers of reports, from traces alone: no GPU, no MPI, no model.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "trace/trace_reader.hpp"

namespace moewire {

// A file in reports/: one output format.
struct ReportWriter {
    static constexpr char const* catalogue = "report/reports";
    // Writes into `folder`, which exists; returns the file that a reader opens. Pictures in folder/plots are
    // shown where they exist. Throws: failure, when it cannot write.
    std::function<std::filesystem::path(std::vector<Trace> const&, std::filesystem::path const& folder)>
        write;
};

}  // namespace moewire
