// One page that opens offline: sentences first, then figures that answer to filters, then tables.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/registry.hpp"
#include "report/page_data.hpp"
#include "report/page_files.hpp"
#include "report/page_text.hpp"
#include "report/report.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

std::string_view file_of_page(std::string_view name) {
    for (auto const& [its_name, content] : page_files()) {
        if (its_name == name) return content;
    }
    throw failure("report", fmt::format("the program lacks {} of its page; build it anew", name));
}

std::string scripts() {
    std::string text;
    for (auto const& [name, content] : page_files()) {
        if (name.ends_with(".js")) text += fmt::format("// {}\n{}\n", name, content);
    }
    return text;
}

std::string title_of(Findings const& findings) {
    std::string title;
    for (auto const& run : findings.runs) title += (title.empty() ? "" : ", ") + run.name;
    return title;
}

// The frame has {{name}} where a part goes. Parts are put in once: what they hold is never looked through.
std::string filled(std::string_view frame, std::map<std::string, std::string> const& parts) {
    std::string text;
    while (true) {
        auto const open = frame.find("{{");
        text += frame.substr(0, open);
        if (open == std::string_view::npos) return text;
        auto const close = frame.find("}}", open);
        text += parts.at(std::string(frame.substr(open + 2, close - open - 2)));
        frame.remove_prefix(close + 2);
    }
}

fs::path write(Findings const& findings, ReportWriter::Place const& place) {
    auto const data = script_safe(page_data(findings));
    // A nonce that no name in the data can foresee, and equal for equal reports.
    Digest digest;
    digest.update(std::string_view(data));
    auto const page = filled(file_of_page("frame.html"),
                             {{"title", html_text(title_of(findings))},
                              {"nonce", digest.hex()},
                              {"style", std::string(file_of_page("style.css"))},
                              {"sentences", sentences_of_page(findings)},
                              {"library", place.library.empty() ? "" : read_file(place.library)},
                              {"data", data},
                              {"scripts", scripts()}});
    auto const path = place.folder / "report.html";
    write_file(path, page);
    return path;
}

bool const registered = register_in<ReportWriter>(
    "html", "One page that opens offline: sentences, figures with filters, tables.", {write});

}  // namespace
}  // namespace moewire
