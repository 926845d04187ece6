// What does each layer hold, and how do its tokens choose? The keys in which architectures differ most.
#pragma once

#include "checkpoint/config.hpp"
#include "checkpoint/json_fields.hpp"

namespace moewire {

// All of these take defaults from `config` and put what the file says into it; its sizes are read already.
// Throws: usage, naming the key.

// Multi-head latent attention's ranks and head sizes; sets heads' sizes too.
void read_latent_attention(JsonFields const& fields, ModelConfig& config);

// Which layers have experts, which slide, and the widths of what stands beside the experts.
void read_layers(JsonFields const& fields, ModelConfig& config);

// Groups, scaling and clamps of the routed experts.
void read_expert_choice(JsonFields const& fields, ModelConfig& config);

void read_quantization(JsonFields const& fields, ModelConfig& config);

}  // namespace moewire
