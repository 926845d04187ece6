#include "text/protocol.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/error.hpp"
#include "text/target_text.hpp"

namespace moewire {
namespace {

Registry<Protocol>::Entry const& protocol_of(std::string name) {
    for (auto& letter : name)
        if (letter == '-' || letter == '.') letter = '_';
    return Registry<Protocol>::instance().at(name);
}

BosRule bos_rule_of(std::string const& name, Protocol const& protocol) {
    if (name == "protocol") return protocol.bos;
    if (name == "none") return BosRule::none;
    if (name == "text") return BosRule::text;
    if (name == "window") return BosRule::window;
    throw usage_error(fmt::format("unknown BOS rule '{}'; use one of: protocol, none, text, window", name));
}

std::int64_t window_of(Protocol const& protocol, CutOptions const& o) {
    auto const length = o.window_tokens == 0 ? protocol.window_tokens : o.window_tokens;
    require_at_least(protocol.least_window_tokens, length, "the window length in tokens",
                     "a window would have no token to score");
    return length;
}

std::int64_t stride_of(Registry<Protocol>::Entry const& entry, std::int64_t window_tokens,
                       CutOptions const& o) {
    if (entry.value.stride == Protocol::Stride::none) {
        if (o.stride_tokens == 0) return 0;
        throw usage_error(
            fmt::format("{} takes no stride (its windows do not overlap); leave --stride out, "
                        "or use --protocol hf_stride",
                        entry.name));
    }
    auto const stride = o.stride_tokens == 0 ? window_tokens / 2 : o.stride_tokens;
    require_at_least(1, stride, "the stride in tokens", "windows would never move on");
    if (stride <= window_tokens) return stride;
    throw usage_error(fmt::format(
        "a stride of {} tokens is longer than the window of {} (tokens between windows would never be "
        "scored); use a stride up to the window",
        stride, window_tokens));
}

// Neighbours of one shape become one group.
std::vector<Windows> in_groups(std::vector<std::int32_t> const& tokens,
                               std::vector<WindowPlace> const& places) {
    std::vector<Windows> groups;
    for (auto next = places.begin(); next != places.end();) {
        auto const end = std::find_if(next, places.end(), [&](WindowPlace const& p) {
            return p.length != next->length || p.first_target != next->first_target;
        });
        Grid<std::int32_t, 2> grid(end - next, next->length);
        auto const first_target = static_cast<std::int32_t>(next->first_target);
        for (std::size_t w = 0; next != end; ++next, ++w) {
            auto const from = tokens.begin() + next->begin;
            std::copy(from, from + next->length, grid.row(w).begin());
        }
        groups.push_back({std::move(grid), first_target});
    }
    return groups;
}

std::string in_words(BosRule rule, Tokenizer const& tokenizer) {
    auto const beginning = tokenizer.beginning();
    if (rule == BosRule::none) return "none";
    if (beginning.empty()) return "none (the tokenizer adds none)";
    auto const before = fmt::format("{} before the text", tokenizer.decode(beginning));
    return rule == BosRule::text ? before : before + " and in place of every window's first token";
}

}  // namespace

CutText cut_text(Tokenizer const& tokenizer, std::string_view text, CutOptions const& o) {
    auto const& entry = protocol_of(o.protocol);
    auto const& protocol = entry.value;
    auto const rule = bos_rule_of(o.bos, protocol);
    require_at_least(0, o.max_windows, "the limit on windows", "0 takes all");
    CutText cut;
    cut.protocol = entry.name;
    cut.window_tokens = window_of(protocol, o);
    cut.stride_tokens = stride_of(entry, cut.window_tokens, o);
    cut.bos = in_words(rule, tokenizer);

    auto const beginning = rule == BosRule::none ? std::vector<std::int32_t>{} : tokenizer.beginning();
    auto const text_ids = tokenizer.encode(text);
    auto tokens = beginning;
    tokens.insert(tokens.end(), text_ids.begin(), text_ids.end());
    cut.text_tokens = static_cast<std::int64_t>(text_ids.size());
    auto const all = static_cast<std::int64_t>(tokens.size());
    require_a_window(all, cut.window_tokens);
    auto const most = o.max_windows > 0 ? o.max_windows : std::numeric_limits<std::int64_t>::max();
    auto const places = protocol.places({all, cut.window_tokens, cut.stride_tokens, most});

    cut.groups = in_groups(tokens, places);
    auto const added = static_cast<std::int64_t>(beginning.size());
    std::vector<TokenRange> targets;
    for (auto const& p : places) {
        auto const in_text = [&](std::int64_t position) {
            return static_cast<std::size_t>(std::max<std::int64_t>(position - added, 0));
        };
        targets.push_back({in_text(p.begin + p.first_target), in_text(p.begin + p.length)});
    }
    auto const counted = count_target_text(tokenizer, text_ids, targets);
    cut.target_bytes = counted.bytes;
    cut.target_words = counted.words;
    if (rule == BosRule::window && added > 0) {
        for (auto& group : cut.groups)
            for (std::size_t w = 0; w < group.tokens.extent(0); ++w) group.tokens(w, 0) = beginning.front();
    }
    return cut;
}

std::int64_t CutText::windows() const {
    std::int64_t total = 0;
    for (auto const& group : groups) total += group.windows();
    return total;
}

std::int64_t CutText::targets() const {
    std::int64_t total = 0;
    for (auto const& group : groups) total += group.targets();
    return total;
}

std::vector<std::int64_t> CutText::targets_of_window() const {
    std::vector<std::int64_t> all;
    for (auto const& group : groups)
        all.insert(all.end(), static_cast<std::size_t>(group.windows()), group.targets_of_each());
    return all;
}

std::string CutText::digest() const {
    Digest digest;
    for (auto const& group : groups) {
        digest.update(std::vector<std::int64_t>{
            group.windows(), static_cast<std::int64_t>(group.tokens.extent(1)), group.first_target});
        digest.update(group.tokens.values());
    }
    return digest.hex();
}

std::string protocol_names() {
    std::string names;
    for (auto const& entry : Registry<Protocol>::instance().entries())
        names += (names.empty() ? "" : ", ") + entry.name;
    return names;
}

}  // namespace moewire
