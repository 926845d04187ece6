// What does a run mean? Writers of reports, from traces alone: no GPU, no MPI, no model.
#pragma once

#include <filesystem>
#include <functional>

#include "report/findings.hpp"

namespace moewire {

// Does a format show pictures that were drawn before?
enum class Pictures { none, shown };

// A file in reports/: one output format.
struct ReportWriter {
    static constexpr char const* catalogue = "report/reports";
    struct Place {
        std::filesystem::path folder;   // exists; pictures in folder/plots are shown where they exist
        std::filesystem::path library;  // plotly's JavaScript, for interactive figures; empty: there is none
    };
    // Writes into the folder; returns the file that a reader opens. Throws: failure, when it cannot write.
    std::function<std::filesystem::path(Findings const&, Place const&)> write;
    Pictures pictures = Pictures::none;
};

// Where pictures of one run lie below the report's folder.
std::filesystem::path picture_folder(Findings const& findings, std::size_t run);

}  // namespace moewire
