#include "gpu/nccl_log.hpp"

#include <charconv>

namespace moewire {
namespace {

// The number that ends right before `what`, or begins right behind it.
std::optional<std::int64_t> number_before(std::string_view line, std::string_view what) {
    auto const end = line.find(what);
    if (end == std::string_view::npos) return std::nullopt;
    auto begin = end;
    while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9') --begin;
    std::int64_t value = 0;
    auto const read = std::from_chars(line.data() + begin, line.data() + end, value);
    return read.ec == std::errc() && begin < end ? std::optional(value) : std::nullopt;
}

std::optional<std::int64_t> number_behind(std::string_view line, std::string_view what) {
    auto const at = line.find(what);
    if (at == std::string_view::npos) return std::nullopt;
    auto const* const begin = line.data() + at + what.size();
    std::int64_t value = 0;
    auto const read = std::from_chars(begin, line.data() + line.size(), value);
    return read.ec == std::errc() ? std::optional(value) : std::nullopt;
}

void keep_first(std::optional<std::int64_t>& known, std::optional<std::int64_t> found) {
    if (!known) known = found;
}

void read_line(std::string_view line, NcclSettings& settings) {
    if (line.find("NCCL INFO") == std::string_view::npos &&
        line.find("NCCL version") == std::string_view::npos)
        return;
    keep_first(settings.collective_channels, number_before(line, " coll channels"));
    keep_first(settings.p2p_channels, number_before(line, " p2p channels,"));
    keep_first(settings.p2p_channels_per_peer, number_before(line, " p2p channels per peer"));
    keep_first(settings.p2p_chunk_bytes, number_behind(line, "P2P Chunksize set to "));
    constexpr std::string_view version = "NCCL version ";
    auto const at = line.find(version);
    if (!settings.version.empty() || at == std::string_view::npos) return;
    auto const rest = line.substr(at + version.size());
    settings.version = rest.substr(0, rest.find_first_of(" \t\r"));
}

}  // namespace

NcclSettings read_nccl_log(std::string_view log) {
    NcclSettings settings;
    while (!log.empty()) {
        auto const end = log.find('\n');
        read_line(log.substr(0, end), settings);
        log = end == std::string_view::npos ? std::string_view() : log.substr(end + 1);
    }
    return settings;
}

}  // namespace moewire
