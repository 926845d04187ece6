// What is one element on disk? The element types of safetensors, with their names and widths.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace moewire {

// Spelled as in the files. The order is part of the format's reference writer: tensors are laid out by
// falling order of this list, so that wide elements come first and stay aligned. Source:
// huggingface/safetensors, tensor.rs, Dtype ("must be in increasing alignment order").
enum class DType : std::uint8_t {
    BOOL,
    F4,
    F6_E2M3,
    F6_E3M2,
    U8,
    I8,
    F8_E5M2,
    F8_E4M3,
    F8_E8M0,
    F8_E4M3FNUZ,
    F8_E5M2FNUZ,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    C64,
    F64,
    I64,
    U64,
};

constexpr int dtype_count = 22;

std::string_view name_of(DType dtype);

// Nothing, when the format knows no such name (names are case-sensitive).
std::optional<DType> dtype_of(std::string_view name);

// Width of one element. Unit: bits, because F4 and F6 elements share bytes with their neighbours.
std::uint64_t bits_of(DType dtype);

}  // namespace moewire
