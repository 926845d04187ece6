#include "text/wiki.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "text/text_file.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 2> endings{".raw", ".tokens"};  // the better one first

// A snapshot has few files; more means that something else lies there, and it is not searched for ever.
constexpr int most_entries = 10'000;

// Smaller is better.
auto preference(fs::path const& path) {
    bool const is_raw = path.extension() == endings[0];
    bool const is_small = path.string().find("wikitext-2") != std::string::npos;
    return std::tuple(!is_raw, !is_small, path);
}

void collect(fs::path const& snapshots, std::string const& stem, std::vector<fs::path>& found) {
    std::error_code problem;
    int entries = 0;
    auto entry = fs::recursive_directory_iterator(snapshots, problem);
    while (!problem && entry != fs::recursive_directory_iterator() && ++entries <= most_entries) {
        auto const& path = entry->path();
        std::error_code ignored;
        if (path.stem() == stem && is_wiki_file(path) && fs::is_regular_file(path, ignored)) {
            found.push_back(path);
        }
        entry.increment(problem);
    }
}

}  // namespace

std::optional<fs::path> find_wiki_file(fs::path const& hub_cache, std::string_view split) {
    std::vector<fs::path> found;
    std::error_code problem;
    auto const stem = "wiki." + std::string(split);
    auto entry = fs::directory_iterator(hub_cache, problem);
    while (!problem && entry != fs::directory_iterator()) {
        auto const name = entry->path().filename().string();
        if (name.starts_with("datasets--") && name.find("wikitext") != std::string::npos) {
            collect(entry->path() / "snapshots", stem, found);
        }
        entry.increment(problem);
    }
    auto const best = std::min_element(found.begin(), found.end(), [](auto const& a, auto const& b) {
        return preference(a) < preference(b);
    });
    if (best == found.end()) return std::nullopt;
    return *best;
}

bool is_wiki_file(fs::path const& path) {
    return path.filename().string().starts_with("wiki.") &&
           std::find(endings.begin(), endings.end(), path.extension().string()) != endings.end();
}

std::string joined_wiki_rows(std::string_view content) {
    std::string joined;
    joined.reserve(content.size() + content.size() / 64);
    for (std::size_t begin = 0; begin < content.size();) {
        auto const end = std::min(content.find('\n', begin), content.size() - 1) + 1;
        if (begin > 0) joined += "\n\n";
        auto const row = content.substr(begin, end - begin);
        if (!is_blank(row)) joined += row;
        begin = end;
    }
    return joined;
}

}  // namespace moewire
