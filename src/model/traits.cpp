#include "model/traits.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/registry.hpp"

namespace moewire {

Traits traits_of(ModelConfig const& config) {
    auto& architectures = Registry<Architecture>::instance();
    if (!architectures.contains(config.model_type)) {
        std::string known;
        for (auto const& entry : architectures.entries()) known += (known.empty() ? "" : ", ") + entry.name;
        throw input_error(
            "model", fmt::format("model_type {} is not supported (its layers may compute something else); "
                                 "use one of: {}",
                                 in_quotes(config.model_type), known));
    }
    if (config.hidden_act != "silu") {
        throw input_error(
            "model", fmt::format("hidden_act {} is not supported (experts compute silu); use a model with "
                                 "silu",
                                 in_quotes(config.hidden_act)));
    }
    return architectures.at(config.model_type).value.traits(config);
}

RopeKind rope_kind_of(ModelConfig const& config) {
    if (config.rope.type == "longrope") return RopeKind::longrope;
    return config.rope.type == "yarn" ? RopeKind::yarn : RopeKind::plain;
}

}  // namespace moewire
