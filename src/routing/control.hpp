// Which routing is imposed? Controls: known demands in place of a model's. The interface of controls/.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.hpp"
#include "routing/routing.hpp"

namespace moewire {

// The part of one source rank. "A rank's experts" are those of the placement `contiguous`.
struct ControlRequest {
    int ranks = 1;
    RankId source{};
    std::size_t layers = 1;
    std::int64_t tokens = 0;  // of this source
    std::int32_t experts = 0;
    std::int64_t top_k = 1;
    std::uint64_t seed = 0;
    Settings settings = {};  // filled by impose
};

// A file in controls/. The model's output under a control means nothing: no perplexity is ever printed.
struct Control {
    static constexpr char const* catalogue = "routing/controls";
    // Throws: usage, when the settings cannot be met with distinct experts for each token.
    std::function<Routing(ControlRequest const&)> route;
    // Is this what the control claims to give? A problem, or "".
    std::function<std::string(ControlRequest const&, Routing const&)> self_check;
    std::vector<Setting> settings = {};
};

// `spec`: "[control:]name[:key=value]...". The routing has passed the control's own check.
// Throws: usage for names and settings; failure (source "control"), when the check fails.
Routing impose(std::string_view spec, ControlRequest const& request);

// Does this text name a control ("control:...")?
bool is_control(std::string_view text);

}  // namespace moewire
