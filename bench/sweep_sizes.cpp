#include "bench/sweep_sizes.hpp"

#include <charconv>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"

namespace moewire {
namespace {

constexpr std::uint64_t most_size_bytes = std::uint64_t{1} << 40;

int shift_of(std::string_view unit) {
    constexpr std::string_view units = "KMG";
    if (unit.empty()) return 0;
    auto const at = units.find(static_cast<char>(unit[0] & ~0x20));  // upper case
    return unit.size() > 1 || at == std::string_view::npos ? -1 : 10 * (static_cast<int>(at) + 1);
}

}  // namespace

std::uint64_t parse_size(std::string const& text, std::string const& option) {
    std::uint64_t value = 0;
    auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    int const shift = shift_of({end, static_cast<std::size_t>(text.data() + text.size() - end)});
    if (problem == std::errc::invalid_argument || shift < 0) {
        throw usage_error(
            fmt::format("{} {} is no size (a whole number of bytes, or of K, M or G); write e.g. 64K", option,
                        in_quotes(text)));
    }
    if (problem != std::errc{} || value > most_size_bytes >> shift)
        throw usage_error(
            fmt::format("{} {} is above 1 TiB (no rank has room for it); use less", option, text));
    if (value == 0)
        throw usage_error(fmt::format("{} is 0 (the floor is always measured); use more", option));
    return value << shift;
}

std::uint64_t bytes_per_peer(std::uint64_t size_bytes, int ranks, std::int64_t row_bytes) {
    auto const each = size_bytes / static_cast<std::uint64_t>(ranks);
    return each - each % static_cast<std::uint64_t>(row_bytes);
}

std::vector<std::uint64_t> size_ladder(std::uint64_t min_bytes, std::uint64_t max_bytes, std::int64_t factor,
                                       int ranks, std::int64_t row_bytes) {
    auto const row_of_all = static_cast<std::uint64_t>(ranks) * static_cast<std::uint64_t>(row_bytes);
    std::vector<std::uint64_t> sizes;
    for (auto size = min_bytes; size <= max_bytes; size *= static_cast<std::uint64_t>(factor)) {
        sizes.push_back(size);
        auto const odd = ((size / 8 * 11 / row_of_all) | 1) * row_of_all;
        if (odd > size && odd < size * static_cast<std::uint64_t>(factor) && odd <= max_bytes)
            sizes.push_back(odd);
    }
    return sizes;
}

}  // namespace moewire
