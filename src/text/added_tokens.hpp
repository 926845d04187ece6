// Which tokens are cut out of the text before anything else? The added tokens of tokenizer.json.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "text/normalizer.hpp"
#include "text/part_reader.hpp"
#include "text/pieces.hpp"

namespace moewire {

struct AddedToken {
    std::int32_t id = 0;
    std::string content;
    std::string normal_content;  // as the normalizer leaves it; the same for tokens that are not normalized
    bool single_word = false;    // only where no word character touches it
    bool lstrip = false;         // takes the white space before it
    bool rstrip = false;         // and behind it
    bool normalized = false;     // looked for in the normalized text, else in the text as it came
    bool special = false;
};

class AddedTokens {
  public:
    // Ids are those of the vocabulary, else the next free one, as the library gives them.
    // Throws: usage, when the file's id contradicts that.
    AddedTokens(PartReader const& file,
                std::function<std::optional<std::int32_t>(std::string const&)> const& vocabulary_id,
                std::int32_t vocabulary_size, Normalizer const& normalizer);

    // The text as pieces: added tokens cut out, all else normalized.
    Pieces extract(std::string_view text, Normalizer const& normalizer) const;

    AddedToken const* find(std::int32_t id) const;
    std::optional<std::int32_t> id_of(std::string_view content) const;
    bool is_special(std::string const& content) const;
    std::map<std::int32_t, AddedToken> const& all() const { return tokens_; }

  private:
    // Tokens to look for, byte by byte: the cost at a place of the text hangs on no other token than those
    // that begin there.
    class Trie {
      public:
        // Of equal contents the first one counts.
        void add(std::string const& content, std::int32_t id);
        // Leftmost, longest, not overlapping.
        std::vector<std::pair<Span, std::int32_t>> matches(std::string_view text) const;

      private:
        static std::uint64_t key_of(std::uint64_t node, char byte) {
            return node << 8 | static_cast<unsigned char>(byte);
        }
        std::array<bool, 256> begins_{};                          // whether any token starts with the byte
        std::unordered_map<std::uint64_t, std::uint64_t> edges_;  // node and byte -> node; the root is 0
        std::unordered_map<std::uint64_t, std::int32_t> ends_;    // node -> id
    };
    void cut(Pieces& pieces, Trie const& trie) const;
    std::vector<Piece> cut_text(std::string_view text, Trie const& trie) const;

    std::map<std::int32_t, AddedToken> tokens_;
    std::unordered_map<std::string, std::int32_t> ids_;
    Trie raw_, normal_;
    std::string file_;
};

}  // namespace moewire
