#include "checkpoint/dtype.hpp"

#include <array>

namespace moewire {
namespace {

struct Description {
    std::string_view name;
    std::uint8_t bits;
};

// Indexed by the enumeration.
constexpr std::array<Description, dtype_count> descriptions{{
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};
static_assert(static_cast<int>(DType::U64) + 1 == dtype_count);

Description const& description_of(DType dtype) {
    return descriptions.at(static_cast<std::size_t>(dtype));
}

}  // namespace

std::string_view name_of(DType dtype) {
    return description_of(dtype).name;
}

std::optional<DType> dtype_of(std::string_view name) {
    for (std::size_t i = 0; i < descriptions.size(); ++i) {
        if (descriptions[i].name == name) return static_cast<DType>(i);
    }
    return std::nullopt;
}

std::uint64_t bits_of(DType dtype) {
    return description_of(dtype).bits;
}

}  // namespace moewire
