// How are positions encoded? The rotary part of a config.json, old style and new.
#pragma once

#include "checkpoint/config.hpp"
#include "checkpoint/json_fields.hpp"

namespace moewire {

// `model` has its sizes and model_type already, and the default base in rope.theta.
// Throws: usage, when the kind is not supported or its values do not fit the model.
Rope read_rope(JsonFields const& config, ModelConfig const& model);

}  // namespace moewire
