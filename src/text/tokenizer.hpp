// Which tokens is a text, and which text are tokens? A tokenizer as tokenizer.json describes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moewire {

enum class SpecialTokens {
    none,          // the text alone
    from_template  // with the beginning and end that the post-processor puts around it
};
enum class DecodeSpecial { keep, skip };

// Byte-level BPE with its pre-tokenizers, and SentencePiece-style BPE with byte fallback; encodes and decodes
// as Hugging Face's tokenizers library 0.23 does. `truncation` and `padding` in the file are not applied:
// they belong to batches. Copies share one immutable state; all calls are safe from several threads.
class Tokenizer {
  public:
    // Throws: usage (source "tokenizer"), naming file and part, when the file is damaged or uses a component
    // that is not supported.
    static Tokenizer from_file(std::filesystem::path const& tokenizer_json);

    // Ill-formed UTF-8 counts as U+FFFD, one for each maximal subpart, as Python's errors="replace" would
    // hand it over.
    std::vector<std::int32_t> encode(std::string_view utf8,
                                     SpecialTokens special = SpecialTokens::none) const;

    // What the post-processor puts before a text: BOS, or nothing.
    std::vector<std::int32_t> beginning() const;

    // Ids without a token are skipped. The text is well-formed UTF-8.
    std::string decode(std::span<std::int32_t const> ids, DecodeSpecial special = DecodeSpecial::keep) const;

    std::int32_t vocabulary_size() const;  // with the added tokens
    std::optional<std::int32_t> id_of(std::string_view token) const;

  private:
    struct Parts;
    std::shared_ptr<Parts const> parts_;
};

}  // namespace moewire
