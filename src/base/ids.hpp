// Which number is this: a rank, an expert, a layer? One type each, so that none passes for another.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <type_traits>

namespace moewire {

enum class RankId : std::int32_t {};    // process in the communicator, 0 .. ranks-1
enum class ExpertId : std::int32_t {};  // logical expert inside one layer, 0 .. experts-1
enum class LayerId : std::int32_t {};   // MoE layer, counted over the MoE layers alone
enum class SlotId : std::int32_t {};    // place where a rank holds one copy of one expert

template <class T>
concept Id = std::is_enum_v<T> && !std::is_convertible_v<T, std::underlying_type_t<T>>;

// The array index that belongs to an id or to a plain integer.
template <Id T>
constexpr std::size_t index_of(T id) {
    return static_cast<std::size_t>(id);
}
template <std::integral T>
constexpr std::size_t index_of(T index) {
    return static_cast<std::size_t>(index);
}

// The id with this index.
template <Id T, std::integral N>
constexpr T make_id(N index) {
    return static_cast<T>(static_cast<std::underlying_type_t<T>>(index));
}

// All ids 0 .. count-1, for a range-based for.
template <Id T, std::integral N>
constexpr auto ids(N count) {
    return std::views::iota(N{0}, count) | std::views::transform([](N index) { return make_id<T>(index); });
}

}  // namespace moewire
