#include "text/added_tokens.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "text/utf8.hpp"

namespace moewire {
namespace {

constexpr std::size_t most_token_bytes = 1024;  // looked for at every place of a text

bool ends_with_word(std::string_view text) {
    return !text.empty() && is_word(decode_char(text.substr(text.size() - last_char_bytes(text))).code);
}
bool starts_with_word(std::string_view text) {
    return !text.empty() && is_word(decode_char(text).code);
}

std::size_t trailing_space(std::string_view text) {
    auto left = text;
    while (!left.empty()) {
        auto const bytes = last_char_bytes(left);
        if (!is_whitespace(decode_char(left.substr(left.size() - bytes)).code)) break;
        left.remove_suffix(bytes);
    }
    return text.size() - left.size();
}

std::size_t leading_space(std::string_view text) {
    std::size_t bytes = 0;
    while (bytes < text.size()) {
        auto const c = decode_char(text.substr(bytes));
        if (!is_whitespace(c.code)) break;
        bytes += c.bytes;
    }
    return bytes;
}

AddedToken read_token(PartReader const& part) {
    AddedToken token;
    token.id = static_cast<std::int32_t>(part.whole("id"));
    token.content = part.text("content");
    token.single_word = part.flag("single_word");
    token.lstrip = part.flag("lstrip");
    token.rstrip = part.flag("rstrip");
    token.normalized = part.flag("normalized");
    token.special = part.flag("special");
    return token;
}

}  // namespace

AddedTokens::AddedTokens(PartReader const& file,
                         std::function<std::optional<std::int32_t>(std::string const&)> const& vocabulary_id,
                         std::int32_t vocabulary_size, Normalizer const& normalizer)
    : file_(file.where()) {
    std::int32_t next = vocabulary_size;
    if (!file.has("added_tokens")) return;
    for (auto const& part : file.parts("added_tokens")) {
        auto token = read_token(part);
        if (token.content.empty()) continue;
        auto const known = ids_.find(token.content);
        auto const in_vocabulary = vocabulary_id(token.content);
        auto const id = known != ids_.end() ? known->second : in_vocabulary ? *in_vocabulary : next++;
        if (id != token.id) {
            throw part.wrong(fmt::format("with content {} has id {}, but its place in the vocabulary is {}",
                                         in_quotes(token.content), token.id, id));
        }
        token.normal_content = token.normalized && normalizer ? normalizer(token.content) : token.content;
        if (std::max(token.content.size(), token.normal_content.size()) > most_token_bytes) {
            throw part.wrong(fmt::format("has a content with more than {} bytes: {}", most_token_bytes,
                                         in_quotes(token.content)));
        }
        ids_[token.content] = id;
        tokens_[id] = std::move(token);
    }
    for (auto const& [id, token] : tokens_) (token.normalized ? normal_ : raw_).add(token.normal_content, id);
}

void AddedTokens::Trie::add(std::string const& content, std::int32_t id) {
    if (content.empty()) return;
    begins_[static_cast<unsigned char>(content[0])] = true;
    std::uint64_t node = 0;
    for (char const byte : content)
        node = edges_.try_emplace(key_of(node, byte), edges_.size() + 1).first->second;
    ends_.emplace(node, id);
}

std::vector<std::pair<Span, std::int32_t>> AddedTokens::Trie::matches(std::string_view text) const {
    std::vector<std::pair<Span, std::int32_t>> found;
    if (ends_.empty()) return found;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!begins_[static_cast<unsigned char>(text[at])]) continue;
        Span longest{at, at};
        std::int32_t id = -1;
        std::uint64_t node = 0;
        for (std::size_t next = at; next < text.size(); ++next) {
            auto const edge = edges_.find(key_of(node, text[next]));
            if (edge == edges_.end()) break;
            node = edge->second;
            if (auto const end = ends_.find(node); end != ends_.end())
                longest.end = next + 1, id = end->second;
        }
        if (longest.empty()) continue;
        found.emplace_back(longest, id);
        at = longest.end - 1;
    }
    return found;
}

std::vector<Piece> AddedTokens::cut_text(std::string_view text, Trie const& trie) const {
    std::vector<Piece> pieces;
    std::size_t done = 0;
    for (auto const& [match, id] : trie.matches(text)) {
        auto const& token = tokens_.at(id);
        auto [begin, end] = match;
        if (token.single_word &&
            (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end))))
            continue;
        if (token.lstrip) begin = std::max(begin - trailing_space(text.substr(0, begin)), done);
        if (token.rstrip) end += leading_space(text.substr(end));
        if (done < begin) pieces.push_back({{done, begin}, -1, done == 0});
        pieces.push_back({{begin, end}, id, false});
        done = end;
    }
    if (done < text.size()) pieces.push_back({{done, text.size()}, -1, done == 0});
    return pieces;
}

void AddedTokens::cut(Pieces& pieces, Trie const& trie) const {
    std::vector<Piece> result;
    for (auto const& piece : pieces.pieces) {
        if (piece.token >= 0) {
            result.push_back(piece);
            continue;
        }
        for (auto part : cut_text(pieces.view(piece), trie)) {
            part.span = {piece.span.begin + part.span.begin, piece.span.begin + part.span.end};
            part.starts_text = part.starts_text && piece.starts_text;
            result.push_back(part);
        }
    }
    pieces.pieces = std::move(result);
}

Pieces AddedTokens::extract(std::string_view text, Normalizer const& normalizer) const {
    Pieces pieces{std::string(text), {{{0, text.size()}, -1, true}}, TextLimit(text.size()), file_};
    if (text.empty()) pieces.pieces.clear();
    cut(pieces, raw_);
    if (normalizer) {
        rewrite(pieces, [&](Piece const&, std::string_view part, std::string& out) {
            out += normalizer(std::string(part));
        });
    }
    cut(pieces, normal_);
    return pieces;
}

AddedToken const* AddedTokens::find(std::int32_t id) const {
    auto const found = tokens_.find(id);
    return found == tokens_.end() ? nullptr : &found->second;
}

std::optional<std::int32_t> AddedTokens::id_of(std::string_view content) const {
    auto const found = ids_.find(std::string(content));
    if (found == ids_.end()) return std::nullopt;
    return found->second;
}

bool AddedTokens::is_special(std::string const& content) const {
    auto const found = ids_.find(content);
    return found != ids_.end() && tokens_.at(found->second).special;
}

}  // namespace moewire
