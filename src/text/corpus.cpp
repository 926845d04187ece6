#include "text/corpus.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "text/text_file.hpp"
#include "text/wiki.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

constexpr std::array all_splits{Split::train, Split::valid, Split::test};
constexpr std::array<std::string_view, 4> domains{"drama", "scripture", "manual", "wikitext"};

bool is_file(fs::path const& path) {
    std::error_code ignored;
    return fs::exists(path, ignored) && !fs::is_directory(path, ignored);
}

std::string content_of(fs::path const& path) {
    auto const content = read_text(path);
    return is_wiki_file(path) ? joined_wiki_rows(content) : content;
}

void require_words(std::string_view content, std::string_view what) {
    if (!is_blank(content)) return;
    throw input_error(
        "text", fmt::format("{} is empty (a model needs words to read); name a text with content", what));
}

Text text_of_file(std::string_view dataset, Split split, fs::path const& path) {
    Text text{std::string(dataset), std::string(name_of(split)), content_of(path), {path}};
    require_words(text.content, path.string());
    return text;
}

// The command that a user can paste; --output only where the script would write elsewhere by itself.
std::string fetch_command(std::string_view domain, TextPlaces const& places) {
    auto command = fmt::format(
        "{} {}", places.fetch_script.empty() ? "scripts/fetch_text.py" : places.fetch_script.string(),
        domain);
    if (places.cache.empty()) return command;
    auto const by_itself = places.fetch_script.parent_path().parent_path() / ".cache";
    if (places.cache.lexically_normal() != by_itself.lexically_normal()) {
        command += fmt::format(" --output {}", (places.cache / "text").string());
    }
    return command;
}

// Where a domain's split lies; nullopt where it was never fetched.
std::optional<fs::path> domain_file(std::string_view domain, Split split, TextPlaces const& places) {
    auto const path = places.cache / "text" / domain / fmt::format("{}.txt", name_of(split));
    if (!places.cache.empty() && is_file(path)) return path;
    if (domain == "wikitext" && !places.hub_cache.empty())
        return find_wiki_file(places.hub_cache, name_of(split));
    return std::nullopt;
}

Text load_domain(std::string_view domain, Split split, TextPlaces const& places) {
    if (auto const path = domain_file(domain, split, places)) return text_of_file(domain, split, *path);
    std::string const elsewhere = domain == "wikitext"
                                      ? fmt::format(", nor is wiki.{}.raw in the Hugging Face cache {}",
                                                    name_of(split), places.hub_cache.string())
                                      : "";
    throw input_error(
        "text", fmt::format("the text {} has not been fetched ({} is not there{}); fetch it by: {}", domain,
                            (places.cache / "text" / domain / fmt::format("{}.txt", name_of(split))).string(),
                            elsewhere, fetch_command(domain, places)));
}

// The line end nearest to the middle that leaves something on both sides, as the position behind it.
std::optional<std::size_t> middle_cut(std::string_view content) {
    auto const middle = content.size() / 2;
    auto const before = content.substr(0, middle).rfind('\n');
    auto const after = content.substr(0, content.size() - 1).find('\n', middle);
    auto const none = std::string_view::npos;
    if (before == none && after == none) return std::nullopt;
    if (after == none) return before + 1;
    if (before == none) return after + 1;
    return middle - before <= after - middle ? before + 1 : after + 1;
}

Text halved(Text text, Split split) {
    require_words(text.content, text.dataset);
    auto const cut = middle_cut(text.content);
    if (!cut) {
        throw input_error(
            "text", fmt::format("{} has a single line (plan and test text are its two halves, cut at a "
                                "line end); add line ends, or name a folder with train.txt and test.txt",
                                text.dataset));
    }
    bool const is_test = split == Split::test;
    text.split = is_test ? "second half" : "first half";
    text.content = is_test ? text.content.substr(*cut) : text.content.substr(0, *cut);
    require_words(text.content, fmt::format("the {} of {}", text.split, text.dataset));
    return text;
}

// The folder's own file of a split, by the names that are usual.
std::optional<fs::path> split_file(fs::path const& folder, Split split) {
    auto const name = name_of(split);
    for (auto const& candidate : {fmt::format("{}.txt", name), fmt::format("wiki.{}.raw", name),
                                  fmt::format("wiki.{}.tokens", name)}) {
        if (is_file(folder / candidate)) return folder / candidate;
    }
    return std::nullopt;
}

std::vector<fs::path> text_files(fs::path const& folder) {
    std::vector<fs::path> files;
    std::error_code problem;
    auto entry = fs::directory_iterator(folder, problem);
    while (!problem && entry != fs::directory_iterator()) {
        auto const& path = entry->path();
        bool const is_hidden = path.filename().string().starts_with('.');
        if (!is_hidden && path.extension() == ".txt" && is_file(path)) files.push_back(path);
        entry.increment(problem);
    }
    if (problem) {
        throw input_error("text", fmt::format("cannot list the folder {} ({}); check its rights",
                                              folder.string(), problem.message()));
    }
    std::sort(files.begin(), files.end());
    return files;
}

Text joined(std::string_view dataset, fs::path const& folder) {
    Text text{std::string(dataset), "", "", text_files(folder)};
    if (text.files.empty()) {
        throw input_error("text", fmt::format("the folder {} holds no text (neither train.txt, valid.txt, "
                                              "test.txt nor other .txt files); name another folder or a file",
                                              folder.string()));
    }
    for (auto const& file : text.files) {
        text.content += content_of(file);
        if (!text.content.empty() && !text.content.ends_with('\n')) text.content += '\n';
        if (text.content.size() > most_text_bytes) throw too_large(folder, text.content.size());
    }
    return text;
}

Text load_folder(std::string_view dataset, Split split, fs::path const& folder) {
    if (auto const file = split_file(folder, split)) return text_of_file(dataset, split, *file);
    std::vector<std::string_view> there;
    for (auto const other : all_splits) {
        if (split_file(folder, other)) there.push_back(name_of(other));
    }
    if (there.empty()) return halved(joined(dataset, folder), split);
    throw input_error(
        "text", fmt::format("the folder {} has no {} text (it has: {}); add {}.txt or name another split",
                            folder.string(), name_of(split), fmt::join(there, ", "), name_of(split)));
}

}  // namespace

std::string_view name_of(Split split) {
    switch (split) {
        case Split::train:
            return "train";
        case Split::valid:
            return "valid";
        case Split::test:
            return "test";
    }
    return "?";
}

std::vector<std::string> known_domains() {
    return {domains.begin(), domains.end()};
}

bool is_fetched(std::string_view domain, TextPlaces const& places) {
    return std::all_of(all_splits.begin(), all_splits.end(),
                       [&](Split split) { return domain_file(domain, split, places).has_value(); });
}

Text load_text(std::string_view dataset, Split split, TextPlaces const& places) {
    if (std::find(domains.begin(), domains.end(), dataset) != domains.end()) {
        return load_domain(dataset, split, places);
    }
    std::error_code ignored;
    // A path ends at a zero byte for the system: another file than the one that was named.
    if (dataset.find('\0') == std::string_view::npos) {
        fs::path const path(dataset);
        if (fs::is_directory(path, ignored)) return load_folder(dataset, split, path);
        if (is_file(path)) return halved({std::string(dataset), "", content_of(path), {path}}, split);
    }
    throw input_error("text",
                      fmt::format("no text {} (no such domain, file or folder); use one of: {}, or name "
                                  "a UTF-8 file or a folder of .txt files",
                                  in_quotes(dataset), fmt::join(domains, ", ")));
}

}  // namespace moewire
