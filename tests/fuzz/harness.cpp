#include "fuzz/harness.hpp"

#include <array>

namespace moewire::fuzz {

std::span<Harness const> harnesses() {
    static constexpr std::array all{
        Harness{"safetensors", run_safetensors, mutate_safetensors},
        Harness{"index", run_index, mutate_index}, Harness{"config", run_config, mutate_config},
        Harness{"tokenizer", run_tokenizer, mutate_tokenizer}, Harness{"matrix", run_matrix, mutate_matrix}};
    return all;
}

}  // namespace moewire::fuzz
