#include "text/post_processor.hpp"

#include <fmt/format.h>

namespace moewire {
namespace {

// Far above any template: lists of ids that pieces name again and again could multiply without end.
constexpr std::size_t most_frame_tokens = 1024;

void check_length(Frame const& frame, PartReader const& part) {
    if (frame.before.size() + frame.behind.size() <= most_frame_tokens) return;
    throw part.wrong(fmt::format("puts more than {} tokens around a text", most_frame_tokens));
}

std::vector<std::int32_t> ids_of(PartReader const& part, std::string const& name) {
    auto const& tokens = part.any("special_tokens");
    if (!tokens.is_object() || !tokens.contains(name))
        throw part.wrong(
            fmt::format("has a single of id {}, which its special_tokens do not define", in_quotes(name)));
    PartReader const token(tokens[name], fmt::format("{}.special_tokens.{}", part.where(), in_quotes(name)));
    auto const& ids = token.any("ids");
    if (!ids.is_array()) throw token.wrong("has ids that are no list");
    std::vector<std::int32_t> all;
    for (auto const& id : ids) {
        if (!id.is_number_integer() || id.get<double>() < 0 || id.get<double>() > 2147483647.0)
            throw token.wrong("has ids of which one is no whole number");
        all.push_back(id.get<std::int32_t>());
    }
    return all;
}

Frame read_template(PartReader const& part) {
    Frame frame;
    bool behind = false;
    for (auto const& piece : part.parts("single")) {
        if (piece.has("Sequence")) {
            if (behind || piece.part("Sequence").text("id") != "A")
                throw piece.wrong(
                    "has a Sequence whose id is not A, or is the second: it needs a second text");
            behind = true;
            continue;
        }
        if (!piece.has("SpecialToken")) throw piece.wrong("has neither Sequence nor SpecialToken");
        auto const ids = ids_of(part, piece.part("SpecialToken").text("id"));
        auto& side = behind ? frame.behind : frame.before;
        side.insert(side.end(), ids.begin(), ids.end());
        check_length(frame, part);
    }
    if (!behind) throw part.wrong("has a single without the text itself");
    return frame;
}

}  // namespace

Frame read_frame(PartReader const& part) {
    auto const type = part.type();
    if (type == "ByteLevel") return {};
    if (type == "TemplateProcessing") return read_template(part);
    if (type != "Sequence") throw part.unsupported("TemplateProcessing, ByteLevel, Sequence");
    Frame frame;
    for (auto const& inner : part.parts("processors")) {
        auto const outer = read_frame(inner);
        frame.before.insert(frame.before.begin(), outer.before.begin(), outer.before.end());
        frame.behind.insert(frame.behind.end(), outer.behind.begin(), outer.behind.end());
        check_length(frame, part);
    }
    return frame;
}

}  // namespace moewire
