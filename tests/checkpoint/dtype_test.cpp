#include "checkpoint/dtype.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace moewire {
namespace {

TEST(DType, EveryNameLeadsBackToItsType) {
    std::set<std::string_view> names;
    for (int i = 0; i < dtype_count; ++i) {
        auto const dtype = static_cast<DType>(i);
        names.insert(name_of(dtype));
        EXPECT_EQ(dtype_of(name_of(dtype)), dtype) << name_of(dtype);
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(dtype_count));
}

TEST(DType, UnknownNamesAreUnknown) {
    for (auto const* name : {"", "f32", "F33", "BF16 ", "bfloat16", "F8"})
        EXPECT_FALSE(dtype_of(name)) << name;
}

// The number in a name is its width; the others are spelled out.
TEST(DType, WidthIsWhatTheNameSays) {
    for (int i = 0; i < dtype_count; ++i) {
        auto const dtype = static_cast<DType>(i);
        std::string const name(name_of(dtype));
        auto const digits = name.substr(name.find_first_of("0123456789") == std::string::npos
                                            ? name.size()
                                            : name.find_first_of("0123456789"));
        EXPECT_EQ(bits_of(dtype), digits.empty() ? 8U : std::stoul(digits)) << name;
    }
    EXPECT_EQ(bits_of(DType::BOOL), 8U);
    EXPECT_EQ(bits_of(DType::C64), 64U);
}

// The order decides where the writer puts tensors; names at the borders of each width.
TEST(DType, OrderIsByWidth) {
    EXPECT_LT(DType::BOOL, DType::F4);
    EXPECT_LT(DType::F6_E3M2, DType::U8);
    EXPECT_LT(DType::F8_E5M2FNUZ, DType::I16);
    EXPECT_LT(DType::BF16, DType::I32);
    EXPECT_LT(DType::F32, DType::C64);
    EXPECT_LT(DType::I64, DType::U64);
}

}  // namespace
}  // namespace moewire
