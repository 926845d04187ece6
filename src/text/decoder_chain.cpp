#include "text/decoder_chain.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include "text/byte_level.hpp"
#include "text/normalizer.hpp"
#include "text/text_limit.hpp"
#include "text/utf8.hpp"

namespace moewire {
namespace {

using Tokens = std::vector<std::string>;

// A token whose characters all stand for bytes gives those bytes, any other its own.
Tokens decode_byte_level(Tokens const& tokens) {
    std::string bytes;
    for (auto const& token : tokens) {
        auto const begin = bytes.size();
        bool all = true;
        for (std::size_t at = 0; all && at < token.size();) {
            auto const c = decode_char(std::string_view(token).substr(at));
            auto const byte = byte_of_character(c.code);
            all = byte.has_value();
            if (all) bytes += static_cast<char>(*byte);
            at += c.bytes;
        }
        if (!all) bytes.replace(begin, std::string::npos, token);
    }
    return {well_formed(bytes)};
}

// "<0x0A>" -> 10.
std::optional<char> byte_of_token(std::string const& token) {
    if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
    unsigned value = 0;
    auto const [end, problem] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
    if (problem != std::errc{} || end != token.data() + 5) return std::nullopt;
    return static_cast<char>(value);
}

// A run of byte tokens is one text when it is well-formed, else a replacement character for each byte.
Tokens decode_byte_fallback(Tokens const& tokens) {
    Tokens out;
    std::string run;
    auto const end_run = [&] {
        if (run.empty()) return;
        if (first_ill_formed(run) == std::string::npos)
            out.push_back(run);
        else
            out.insert(out.end(), run.size(), std::string(replacement_character));
        run.clear();
    };
    for (auto const& token : tokens) {
        if (auto const byte = byte_of_token(token)) {
            run += *byte;
            continue;
        }
        end_run();
        out.push_back(token);
    }
    end_run();
    return out;
}

std::size_t bytes_of(Tokens const& tokens) {
    std::size_t bytes = 0;
    for (auto const& token : tokens) bytes += token.size();
    return bytes;
}

TokenDecoder each(PartReader const& part,
                  std::function<std::string(std::string const&, std::size_t)> change) {
    return [change = std::move(change), where = part.where()](Tokens tokens) {
        TextLimit const limit(bytes_of(tokens));
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            tokens[i] = change(tokens[i], i);
            bytes += tokens[i].size();
            limit.check(bytes, where);
        }
        return tokens;
    };
}

// At most `start` leading and `stop` trailing occurrences of one character.
TokenDecoder make_strip(PartReader const& part) {
    std::string content;
    append_char(content, part.character("content"));
    auto const start = part.whole("start"), stop = part.whole("stop");
    return each(part, [=](std::string const& token, std::size_t) {
        std::string_view view = token;
        for (std::int64_t i = 0; i < start && view.starts_with(content); ++i)
            view.remove_prefix(content.size());
        for (std::int64_t i = 0; i < stop && view.ends_with(content); ++i) view.remove_suffix(content.size());
        return std::string(view);
    });
}

TokenDecoder make_replace(PartReader const& part) {
    auto const change = [regex = read_pattern(part), content = part.text("content"), where = part.where()](
                            std::string const& token, std::size_t) {
        std::string out;
        TextLimit const limit(token.size());
        std::size_t done = 0;
        for (auto const& match : regex.matches(token)) {
            out.append(token, done, match.begin - done).append(content);
            limit.check(out.size(), where);
            done = match.end;
        }
        return out.append(token, done);
    };
    return each(part, change);
}

// The mark becomes a space, but for the first token, where it was prepended.
TokenDecoder make_metaspace(PartReader const& part) {
    auto const mark = part.character("replacement");
    bool const prepended = part.optional_text("prepend_scheme").value_or("always") != "never" &&
                           part.flag_or("add_prefix_space", true);
    return each(part, [=](std::string const& token, std::size_t index) {
        std::string out;
        for (std::size_t at = 0; at < token.size();) {
            auto const c = decode_char(std::string_view(token).substr(at));
            if (c.code != mark)
                out.append(token, at, c.bytes);
            else if (index > 0 || !prepended)
                out += ' ';
            at += c.bytes;
        }
        return out;
    });
}

TokenDecoder make_one(PartReader const& part) {
    auto const type = part.type();
    if (type == "ByteLevel") return [](Tokens tokens) { return decode_byte_level(tokens); };
    if (type == "ByteFallback") return [](Tokens tokens) { return decode_byte_fallback(tokens); };
    if (type == "Replace") return make_replace(part);
    if (type == "Strip") return make_strip(part);
    if (type == "Metaspace") return make_metaspace(part);
    if (type == "Fuse") {
        return [](Tokens const& tokens) {
            std::string all;
            for (auto const& token : tokens) all += token;
            return Tokens{all};
        };
    }
    throw part.unsupported("Sequence, ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace");
}

// Sequences within sequences become one list, so that one limit holds for all.
void collect(PartReader const& part, std::vector<TokenDecoder>& all) {
    if (part.type() != "Sequence") {
        all.push_back(make_one(part));
        return;
    }
    for (auto const& inner : part.parts("decoders")) collect(inner, all);
}

}  // namespace

TokenDecoder make_decoder(PartReader const& part) {
    std::vector<TokenDecoder> all;
    collect(part, all);
    return [all, where = part.where()](Tokens tokens) {
        TextLimit const limit(bytes_of(tokens));
        for (auto const& one : all) {
            tokens = one(std::move(tokens));
            limit.check(bytes_of(tokens), where);
        }
        return tokens;
    };
}

}  // namespace moewire
