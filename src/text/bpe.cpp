#include "text/bpe.hpp"

#include <fmt/format.h>

#include "text/utf8.hpp"

namespace moewire {
namespace {

std::string byte_token(int byte) {
    return fmt::format("<0x{:02X}>", byte);
}

}  // namespace

Bpe::Bpe(PartReader const& part) {
    if (part.optional_text("type").value_or("BPE") != "BPE") throw part.unsupported("BPE");
    if (part.has("dropout") && part.any("dropout") != 0.0)
        throw part.wrong("has dropout, which makes encoding random", "set it to null");
    for (auto const* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
        if (!part.optional_text(affix).value_or("").empty())
            throw part.wrong(fmt::format("has a {}, which is not supported", affix), "use another tokenizer");
    }
    fuse_unknown_ = part.flag_or("fuse_unk", false);
    byte_fallback_ = part.flag_or("byte_fallback", false);
    ignore_merges_ = part.flag_or("ignore_merges", false);
    read_vocabulary(part);
    read_merges(part);
    if (auto const unknown = part.optional_text("unk_token")) {
        unknown_id_ = id_of(*unknown);
        if (!unknown_id_)
            throw part.wrong(
                fmt::format("has the unk_token {}, which is not in the vocabulary", in_quotes(*unknown)));
    }
    for (int c = 0; c < 128; ++c)
        ascii_ids_[static_cast<std::size_t>(c)] = id_of(std::string(1, static_cast<char>(c))).value_or(-1);
    for (int b = 0; b < 256; ++b) byte_ids_[static_cast<std::size_t>(b)] = id_of(byte_token(b)).value_or(-1);
}

void Bpe::read_vocabulary(PartReader const& part) {
    auto const& vocabulary = part.any("vocab");
    if (!vocabulary.is_object()) throw part.wrong("has a vocab that is no object");
    ids_.reserve(vocabulary.size());
    tokens_.reserve(vocabulary.size());
    for (auto const& [token, id] : vocabulary.items()) {
        bool const whole = id.is_number_integer() && id.get<double>() >= 0 && id.get<double>() < 2147483647.0;
        if (!whole)
            throw part.wrong(
                fmt::format("has a vocab that gives the token {} an id that is no whole number below 2^31",
                            in_quotes(token)));
        if (!tokens_.emplace(id.get<std::int32_t>(), token).second) {
            throw part.wrong(fmt::format("has a vocab that gives the id {} to two tokens, {} and {}",
                                         id.get<std::int32_t>(),
                                         in_quotes(tokens_.at(id.get<std::int32_t>())), in_quotes(token)));
        }
        ids_.emplace(token, id.get<std::int32_t>());
    }
}

void Bpe::read_merges(PartReader const& part) {
    auto const& merges = part.any("merges");
    if (!merges.is_array()) throw part.wrong("has merges that are no list");
    merges_ = PairTable(merges.size());
    seams_ = PairTable(4 * merges.size());
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
        auto const& merge = merges[rank];
        if (merge.is_string()) {
            auto const text = merge.get<std::string>();
            auto const space = text.find(' ');
            if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
                throw part.wrong(
                    fmt::format("has merges of which merge {} is not two tokens: {}", rank, in_quotes(text)));
            }
            add_merge(part, rank, text.substr(0, space), text.substr(space + 1));
        } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
            add_merge(part, rank, merge[0].get<std::string>(), merge[1].get<std::string>());
        } else {
            throw part.wrong(fmt::format("has merges of which merge {} is not two tokens", rank));
        }
    }
}

void Bpe::add_merge(PartReader const& part, std::size_t rank, std::string const& left,
                    std::string const& right) {
    auto const id = [&](std::string const& token) {
        auto const known = ids_.find(token);
        if (known == ids_.end())
            throw part.wrong(
                fmt::format("has merges of which merge {} names {}, which is not in the vocabulary", rank,
                            in_quotes(token)));
        return known->second;
    };
    auto const left_id = id(left), right_id = id(right);
    merges_.put(left_id, right_id, {static_cast<std::int32_t>(rank), id(left + right)});
    note_seam(left, right, left_id, right_id);
}

// A merge joins what stands left and right of a seam. The first one across it joins a token that ends in the
// left symbol with one that starts with the right symbol, so only those pairs can ever be joined.
void Bpe::note_seam(std::string const& left, std::string const& right, std::int32_t left_id,
                    std::int32_t right_id) {
    if (left.empty() || right.empty()) return;
    auto const last = character_id(std::string_view(left).substr(left.size() - last_char_bytes(left)));
    auto const first = character_id(std::string_view(right).substr(0, decode_char(right).bytes));
    // Byte tokens are symbols although they have several characters.
    for (auto const l : {last, left_id}) {
        for (auto const r : {first, right_id}) {
            if (l >= 0 && r >= 0) seams_.put(l, r, {});
        }
    }
}

std::int32_t Bpe::character_id(std::string_view character) const {
    auto const known = ids_.find(std::string(character));
    return known == ids_.end() ? -1 : known->second;
}

std::optional<std::int32_t> Bpe::id_of(std::string const& token) const {
    auto const known = ids_.find(token);
    if (known == ids_.end()) return std::nullopt;
    return known->second;
}

std::string const* Bpe::token_of(std::int32_t id) const {
    auto const known = tokens_.find(id);
    return known == tokens_.end() ? nullptr : &known->second;
}

}  // namespace moewire
