#include "text/tokenizer.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "text/added_tokens.hpp"
#include "text/bpe.hpp"
#include "text/decoder_chain.hpp"
#include "text/normalizer.hpp"
#include "text/post_processor.hpp"
#include "text/pre_tokenizer.hpp"
#include "text/utf8.hpp"

namespace moewire {

struct Tokenizer::Parts {
    Normalizer normalizer;  // may be empty, as the next three
    PreTokenizer pre_tokenizer;
    TokenDecoder decoder;
    Frame frame;
    Bpe model;
    AddedTokens added;

    explicit Parts(PartReader const& file)
        : normalizer(file.has("normalizer") ? make_normalizer(file.part("normalizer")) : Normalizer{}),
          pre_tokenizer(file.has("pre_tokenizer") ? make_pre_tokenizer(file.part("pre_tokenizer"))
                                                  : PreTokenizer{}),
          decoder(file.has("decoder") ? make_decoder(file.part("decoder")) : TokenDecoder{}),
          frame(file.has("post_processor") ? read_frame(file.part("post_processor")) : Frame{}),
          model(file.part("model")),
          added(
              file, [this](std::string const& token) { return model.id_of(token); }, model.size(),
              normalizer) {}
};

namespace {

constexpr std::uintmax_t most_file_bytes = std::uintmax_t{256} << 20;  // the largest known have some 30 MB
constexpr std::size_t most_components = 256;                           // and a dozen components

void check_size(std::filesystem::path const& path) {
    std::error_code absent;
    if (!std::filesystem::exists(path, absent)) return;  // reading says why
    auto const bad = [&](std::string const& problem, std::string_view why) {
        return input_error("tokenizer",
                           fmt::format("{} {} ({}); name a tokenizer.json", path.string(), problem, why));
    };
    if (!std::filesystem::is_regular_file(path)) throw bad("is no regular file", "it is read whole");
    auto const bytes = std::filesystem::file_size(path);
    if (bytes > most_file_bytes) {
        throw bad(fmt::format("has {} bytes", bytes), fmt::format("at most {} are read", most_file_bytes));
    }
}

std::size_t components_in(Document const& json) {
    std::size_t count = json.is_object() && json.contains("type") ? 1 : 0;
    for (auto const& inner : json) {
        if (inner.is_structured()) count += components_in(inner);
    }
    return count;
}

// Each works on the whole text: their number multiplies what a text costs.
void check_components(Document const& json, std::string const& file) {
    for (auto const* key : {"normalizer", "pre_tokenizer", "decoder", "post_processor"}) {
        if (!json.is_object() || !json.contains(key)) continue;
        auto const count = components_in(json[key]);
        if (count <= most_components) continue;
        throw input_error("tokenizer",
                          fmt::format("{} {} has {} components (at most {} are taken); repair the file", file,
                                      key, count, most_components));
    }
}

}  // namespace

Tokenizer Tokenizer::from_file(std::filesystem::path const& tokenizer_json) {
    check_size(tokenizer_json);
    auto const json = read_json(tokenizer_json, "tokenizer");
    check_components(json, tokenizer_json.string() + ":");
    Tokenizer tokenizer;
    tokenizer.parts_ = std::make_shared<Parts const>(PartReader(json, tokenizer_json.string() + ":"));
    return tokenizer;
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view utf8, SpecialTokens special) const {
    auto const& parts = *parts_;
    bool const good = first_ill_formed(utf8) == std::string_view::npos;
    auto pieces = parts.added.extract(good ? utf8 : std::string_view(well_formed(utf8)), parts.normalizer);
    if (parts.pre_tokenizer) parts.pre_tokenizer(pieces);

    bool const framed = special == SpecialTokens::from_template;
    std::vector<std::int32_t> ids;
    ids.reserve(pieces.text.size() / 3 + 8);
    if (framed) ids = parts.frame.before;
    Bpe::Cache cache;
    for (auto const& piece : pieces.pieces) {
        if (piece.token >= 0)
            ids.push_back(piece.token);
        else
            parts.model.encode(pieces.view(piece), cache, ids);
    }
    if (framed) ids.insert(ids.end(), parts.frame.behind.begin(), parts.frame.behind.end());
    return ids;
}

std::vector<std::int32_t> Tokenizer::beginning() const {
    return parts_->frame.before;
}

std::string Tokenizer::decode(std::span<std::int32_t const> ids, DecodeSpecial special) const {
    auto const& parts = *parts_;
    std::vector<std::string> tokens;
    tokens.reserve(ids.size());
    for (auto const id : ids) {
        auto const* const added = parts.added.find(id);
        auto const* const token = added != nullptr ? &added->normal_content : parts.model.token_of(id);
        if (token == nullptr || (special == DecodeSpecial::skip && parts.added.is_special(*token))) continue;
        tokens.push_back(*token);
    }
    std::string text;
    if (parts.decoder) {
        for (auto const& part : parts.decoder(std::move(tokens))) text += part;
        return text;
    }
    for (std::size_t i = 0; i < tokens.size(); ++i) text += (i == 0 ? "" : " ") + tokens[i];
    return text;
}

std::int32_t Tokenizer::vocabulary_size() const {
    auto size = parts_->model.size();
    for (auto const& [id, token] : parts_->added.all()) size += parts_->model.id_of(token.content) ? 0 : 1;
    return size;
}

std::optional<std::int32_t> Tokenizer::id_of(std::string_view token) const {
    if (auto const added = parts_->added.id_of(token)) return added;
    return parts_->model.id_of(std::string(token));
}

}  // namespace moewire
