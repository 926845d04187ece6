// The papers' protocol: windows side by side, the rest dropped, every token of a window scored but its first.
// Source: the evaluation script of GPTQ (arXiv 2210.17323), 2048 tokens a window.
#include <algorithm>

#include "text/protocol.hpp"

namespace moewire {
namespace {

std::vector<WindowPlace> places(PlacesRequest const& r) {
    std::vector<WindowPlace> all;
    auto const count = std::min(r.text_tokens / r.window_tokens, r.max_windows);
    for (std::int64_t w = 0; w < count; ++w) all.push_back({w * r.window_tokens, r.window_tokens, 1});
    return all;
}

bool const registered = register_in<Protocol>(
    "disjoint", "Windows side by side, each scored from its second token; the rest is dropped.",
    {places, 256});

}  // namespace
}  // namespace moewire
