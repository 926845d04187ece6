// Where is WikiText, and how does it read? Its published files, in the form that published perplexities
// score.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace moewire {

// wiki.<split>.raw or wiki.<split>.tokens below hub_cache/datasets--*wikitext*/snapshots. When there are
// several: raw before tokens (whose rare words are replaced by <unk>), WikiText-2 before the rest, then by
// path.
std::optional<std::filesystem::path> find_wiki_file(std::filesystem::path const& hub_cache,
                                                    std::string_view split);

// A file by the name of wiki.<split>.raw or .tokens?
bool is_wiki_file(std::filesystem::path const& path);

// The file's content as the rows that the hub's data set holds, joined by two line ends: a line keeps its own
// line end, a blank line is an empty row. Published perplexities score this; scripts/fetch_text.py writes it.
std::string joined_wiki_rows(std::string_view content);

}  // namespace moewire
