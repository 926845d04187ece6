// Which text is meant? From a name on the command line to UTF-8 text of one split.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moewire {

// Plans are made from one split and tested on another, which a plan must never have seen.
enum class Split { train, valid, test };
std::string_view name_of(Split split);

// Handed in by the program, which knows the environment; an empty path is a place that is not there.
struct TextPlaces {
    std::filesystem::path cache;         // fetched texts are below cache/text
    std::filesystem::path hub_cache;     // Hugging Face's, e.g. ~/.cache/huggingface/hub
    std::filesystem::path fetch_script;  // scripts/fetch_text.py: named in messages, never started
};

struct Text {
    std::string dataset;                       // as it was asked for
    std::string split;                         // "train", "valid", "test"; "first half" or "second half"
    std::string content;                       // UTF-8, without a byte order mark; never blank
    std::vector<std::filesystem::path> files;  // that it was read from, in order
};

// `dataset` is, tried in this order:
// * drama, scripture or manual: cache/text/<name>/<split>.txt, as scripts/fetch_text.py leaves it;
// * wikitext: cache/text/wikitext/<split>.txt, else the files wiki.<split>.raw (or .tokens) in the hub cache;
// * a file;
// * a folder: when it holds train.txt, valid.txt or test.txt (or wiki.<split>.raw, wiki.<split>.tokens) the
//   split's own file, else all its *.txt files in name order, each ended by a line end.
// "./drama" is the file or folder of that name. Nothing is downloaded.
//
// A file, or a folder without splits, is one text. Its halves serve as splits, so that plan text and test
// text never overlap: train and valid are both the first half, test is the second. The cut is the line end
// nearest to the middle.
//
// wiki.* files are read as published perplexities read WikiText: lines keep their line end, blank ones become
// empty, and all are joined by two line ends.
//
// Throws: usage, when the name is unknown, the split is not there (with the command that fetches it), or the
// text is blank, too large (2 GiB), binary, not UTF-8 (with the byte's position), or cannot be halved.
Text load_text(std::string_view dataset, Split split, TextPlaces const& places);

// Names that load_text knows without a path: drama, scripture, manual, wikitext.
std::vector<std::string> known_domains();

// Are all splits of a known domain here?
bool is_fetched(std::string_view domain, TextPlaces const& places);

}  // namespace moewire
