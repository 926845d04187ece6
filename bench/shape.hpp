// How large is one layer's exchange of a published model? Presets, and the bytes that they send where.
#pragma once

#include <cstdint>
#include <string>

#include "system/communicator.hpp"
#include "traffic/matrix_file.hpp"

namespace moewire {

// A file in bench/shapes.
struct Shape {
    std::int64_t hidden = 0;  // elements of a token's row
    std::int32_t experts = 0;
    std::int64_t top_k = 0;
    std::int64_t element_bytes = 2;
    std::int64_t tokens_per_rank = 0;

    std::int64_t row_bytes() const { return hidden * element_bytes; }
};

// `name`: a file in bench/shapes, or a TOML file of the same keys.
// Throws: usage for an unknown name, a key that is none, and sizes that make no sense.
Shape read_shape(std::string const& name);

// "hidden 7168, 256 experts, top 8, 2 bytes an element, 4,096 tokens a rank"
std::string describe(Shape const& shape);

// Collective: all ranks. What one dispatch sends where: the routing that a control imposes on this shape
// ("[control:]name[:key=value]..."), experts placed contiguously, packed as the dispatcher `payload` says.
// Throws on all ranks: usage for names, settings, and more ranks than experts.
ByteMatrix shape_bytes(Communicator const& world, Shape const& shape, std::string const& control,
                       std::string const& payload, std::uint64_t seed);

}  // namespace moewire
