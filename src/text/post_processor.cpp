#include "text/post_processor.hpp"

#include <fmt/format.h>

namespace moewire {
namespace {

std::vector<std::int32_t> ids_of(PartReader const& part, std::string const& name) {
    auto const& tokens = part.any("special_tokens");
    if (!tokens.is_object() || !tokens.contains(name))
        throw part.wrong(fmt::format("names the token {}, which it does not define", in_quotes(name)));
    PartReader const token(tokens[name], part.where() + ".special_tokens");
    auto const& ids = token.any("ids");
    if (!ids.is_array()) throw token.wrong("has ids that are no list");
    std::vector<std::int32_t> all;
    for (auto const& id : ids) {
        if (!id.is_number_integer() || id.get<double>() < 0 || id.get<double>() > 2147483647.0)
            throw token.wrong("has an id that is no whole number");
        all.push_back(id.get<std::int32_t>());
    }
    return all;
}

Frame read_template(PartReader const& part) {
    Frame frame;
    bool behind = false;
    for (auto const& piece : part.parts("single")) {
        if (piece.has("Sequence")) {
            if (behind || piece.part("Sequence").text("id") != "A") throw piece.wrong("needs a second text");
            behind = true;
            continue;
        }
        auto const ids = ids_of(part, piece.part("SpecialToken").text("id"));
        auto& side = behind ? frame.behind : frame.before;
        side.insert(side.end(), ids.begin(), ids.end());
    }
    if (!behind) throw part.wrong("has a template without the text itself");
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
    }
    return frame;
}

}  // namespace moewire
