// The protocol of transformers' page on perplexity: windows that start a stride apart; each scores only the
// tokens that none before it scored, so that most have a long past. The last window ends with the text and
// may be shorter. With a stride below the window, every token but the very first is scored exactly once; with
// a stride of a whole window, the first token of every window has no past and is not scored. Source:
// transformers, docs/source/en/perplexity.md.
#include <algorithm>

#include "text/protocol.hpp"

namespace moewire {
namespace {

std::vector<WindowPlace> places(PlacesRequest const& r) {
    std::vector<WindowPlace> all;
    std::int64_t scored = 0;  // tokens before this position are done
    for (std::int64_t begin = 0; scored < r.text_tokens; begin += r.stride_tokens) {
        if (static_cast<std::int64_t>(all.size()) == r.max_windows) break;
        auto const length = std::min(r.window_tokens, r.text_tokens - begin);
        auto const first_target = std::max<std::int64_t>(scored - begin, 1);
        if (first_target < length) all.push_back({begin, length, first_target});
        scored = begin + length;
    }
    return all;
}

bool const registered = register_in<Protocol>(
    "hf_stride", "Overlapping windows a stride apart; each scores only what none before it has scored.",
    {.places = places, .window_tokens = 256, .stride = Protocol::Stride::asked, .bos = BosRule::text});

}  // namespace
}  // namespace moewire
