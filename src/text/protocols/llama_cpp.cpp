// llama.cpp's protocol: windows side by side, the rest dropped, and only the second half of each scored, so
// that every target has at least half a window before it. Of n tokens, n - 1 - n / 2 are targets: 255 of 512.
// Source: llama.cpp, tools/perplexity/perplexity.cpp.
#include <algorithm>

#include "text/protocol.hpp"

namespace moewire {
namespace {

std::vector<WindowPlace> places(PlacesRequest const& r) {
    std::vector<WindowPlace> all;
    auto const count = std::min(r.text_tokens / r.window_tokens, r.max_windows);
    for (std::int64_t w = 0; w < count; ++w)
        all.push_back({w * r.window_tokens, r.window_tokens, r.window_tokens / 2 + 1});
    return all;
}

bool const registered = register_in<Protocol>(
    "llama_cpp", "Windows side by side, only the second half of each scored; BOS begins every window.",
    {.places = places, .window_tokens = 512, .least_window_tokens = 3, .bos = BosRule::window});

}  // namespace
}  // namespace moewire
