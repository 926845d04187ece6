#include "bench/reporting.hpp"

#include "base/file.hpp"
#include "bench/places.hpp"
#include "bench/subject.hpp"

namespace moewire {
namespace fs = std::filesystem;

fs::path write_report(Findings const& findings, ReportRequest const& request) {
    auto& catalogue = Registry<ReportWriter>::instance();
    std::vector<ReportWriter const*> writers;
    bool is_page_wanted = false;
    std::vector<std::string> names;
    if (request.formats == "all") {
        for (auto const& entry : catalogue.entries()) names.push_back(entry.name);
    } else {
        names = split_list(request.formats, "--format");
    }
    for (auto const& name : names) {
        writers.push_back(&catalogue.at(name).value);
        is_page_wanted = is_page_wanted || name == "html";
    }
    ensure_writable_folder(request.folder);
    ReportWriter::Place place{request.folder, request.library};
    if (is_page_wanted && place.library.empty()) place.library = plotly();
    fs::path first;
    auto const write = [&](Pictures pictures) {
        for (auto const* writer : writers) {
            if (writer->pictures != pictures) continue;
            auto const written = writer->write(findings, place);
            if (first.empty() || written.extension() == ".html") first = written;
        }
    };
    // Pictures take longest: who waits for none of them comes first.
    write(Pictures::none);
    for (std::size_t i = 0; request.draws && i < findings.runs.size(); ++i)
        draw("trace", findings.runs[i].trace.path, request.folder / picture_folder(findings, i));
    write(Pictures::shown);
    return first;
}

}  // namespace moewire
