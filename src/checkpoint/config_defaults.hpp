// What does a config.json mean that leaves a key out? The defaults of each known model_type.
#pragma once

#include <string_view>

#include "checkpoint/config.hpp"

namespace moewire {

// All fields as the type's configuration class has them; 0 means that there is no default and the file must
// say. kv_heads 0 stands for as many as heads, head_dim 0 for hidden_size / heads. Source: transformers 5.17,
// models/*/configuration_*.py; for other types the defaults that nearly all classes
// share.
ModelConfig config_defaults(std::string_view model_type);

}  // namespace moewire
