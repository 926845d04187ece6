// Which tokens is a word made of? Byte pair encoding over characters, with byte fallback.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/pair_table.hpp"
#include "text/part_reader.hpp"

namespace moewire {

// The model of type BPE of tokenizer.json. Immutable; encoding from several threads is safe.
// Source: Sennrich et al. 2016; merge order and byte fallback as in huggingface/tokenizers, models/bpe.
class Bpe {
  public:
    // Throws: usage, for other model types, options that change the output and are not supported (dropout,
    // prefixes, suffixes), ids that are negative, huge or doubled, and merges of unknown tokens.
    explicit Bpe(PartReader const& part);

    // Words seen during one encoding, so that each is merged once.
    class Cache {
        friend class Bpe;
        std::unordered_map<std::string, std::vector<std::int32_t>> words_;
    };

    // Appends the tokens of a word (well-formed UTF-8). Time grows as n log n, also for a word of a million
    // letters.
    void encode(std::string_view word, Cache& cache, std::vector<std::int32_t>& ids) const;

    std::optional<std::int32_t> id_of(std::string const& token) const;
    std::string const* token_of(std::int32_t id) const;
    std::int32_t size() const { return static_cast<std::int32_t>(ids_.size()); }
    std::unordered_map<std::string, std::int32_t> const& vocabulary() const { return ids_; }

  private:
    void read_vocabulary(PartReader const& part);
    void read_merges(PartReader const& part);
    void add_merge(PartReader const& part, std::size_t rank, std::string const& left,
                   std::string const& right);
    void note_seam(std::string const& left, std::string const& right, std::int32_t left_id,
                   std::int32_t right_id);
    std::int32_t character_id(std::string_view character) const;  // -1 where unknown
    std::vector<std::int32_t> symbols_of(std::string_view word) const;
    void merge(std::vector<std::int32_t> const& symbols, std::size_t begin, std::size_t end,
               std::vector<std::int32_t>& ids) const;
    bool may_join(std::int32_t left, std::int32_t right) const { return seams_.find(left, right) != nullptr; }

    std::unordered_map<std::string, std::int32_t> ids_;
    std::unordered_map<std::int32_t, std::string> tokens_;
    std::array<std::int32_t, 128> ascii_ids_{};  // of single ASCII characters
    std::array<std::int32_t, 256> byte_ids_{};   // of "<0x00>" .. "<0xFF>", -1 where absent
    PairTable merges_{0};
    PairTable seams_{
        0};  // pairs of first symbols that some merge could join; at all others a word falls apart
    std::optional<std::int32_t> unknown_id_;
    bool fuse_unknown_ = false;
    bool byte_fallback_ = false;
    bool ignore_merges_ = false;
};

}  // namespace moewire
