#include "text/windows.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/show.hpp"

namespace moewire {
namespace {

Grid<std::int32_t, 2> first_windows(std::span<std::int32_t const> tokens, std::int64_t window_tokens,
                                    std::int64_t count) {
    auto const used = tokens.first(static_cast<std::size_t>(window_tokens * count));
    return {{static_cast<std::size_t>(count), static_cast<std::size_t>(window_tokens)},
            std::vector<std::int32_t>(used.begin(), used.end())};
}

}  // namespace

void require_at_least(std::int64_t least, std::int64_t value, std::string_view what, std::string_view why) {
    if (value >= least) return;
    throw usage_error(fmt::format("{} is {} ({}); ask for {} or more", what, value, why, least));
}

void require_a_window(std::int64_t text_tokens, std::int64_t window_tokens) {
    if (window_tokens <= text_tokens) return;
    throw usage_error(
        fmt::format("the text has {} tokens (one window needs {}); use a longer text or a shorter window",
                    show_count(text_tokens), show_count(window_tokens)));
}

std::int64_t Windows::windows() const {
    return static_cast<std::int64_t>(tokens.extent(0));
}

std::int64_t Windows::targets_of_each() const {
    return std::max<std::int64_t>(static_cast<std::int64_t>(tokens.extent(1)) - first_target, 0);
}

Windows disjoint_windows(std::span<std::int32_t const> tokens, std::int64_t window_tokens,
                         std::int64_t max_windows) {
    require_at_least(2, window_tokens, "the window length in tokens",
                     "a window's first token has nothing to be predicted from");
    require_at_least(1, max_windows, "the limit on windows", "nothing would be scored");
    auto const text_tokens = static_cast<std::int64_t>(tokens.size());
    require_a_window(text_tokens, window_tokens);
    return {first_windows(tokens, window_tokens, std::min(text_tokens / window_tokens, max_windows)), 1};
}

Grid<std::int32_t, 2> consecutive_windows(std::span<std::int32_t const> tokens, std::int64_t window_tokens,
                                          std::int64_t count) {
    require_at_least(1, window_tokens, "the window length in tokens", "there would be nothing to route");
    require_at_least(1, count, "the number of windows", "there would be nothing to route");
    auto const text_tokens = static_cast<std::int64_t>(tokens.size());
    if (count > text_tokens / window_tokens) {
        constexpr auto most = std::numeric_limits<std::int64_t>::max();
        auto const needed = count > most / window_tokens ? most : count * window_tokens;
        throw usage_error(fmt::format(
            "the text has {} tokens ({} are needed: {} windows of {}); use a longer "
            "text, fewer ranks or fewer tokens a rank",
            show_count(text_tokens), show_count(needed), show_count(count), show_count(window_tokens)));
    }
    return first_windows(tokens, window_tokens, count);
}

}  // namespace moewire
