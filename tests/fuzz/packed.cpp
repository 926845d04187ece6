#include "fuzz/packed.hpp"

#include <algorithm>
#include <cstring>

namespace moewire::fuzz {
namespace {

constexpr std::size_t head_bytes = 1 + sizeof(std::uint32_t);

}  // namespace

PackedFiles unpack(std::string_view bytes) {
    PackedFiles files;
    while (bytes.size() >= head_bytes) {
        auto const name = packed_names[static_cast<unsigned char>(bytes[0]) % packed_names.size()];
        std::uint32_t claimed_bytes = 0;
        std::memcpy(&claimed_bytes, bytes.data() + 1, sizeof claimed_bytes);
        bytes.remove_prefix(head_bytes);
        auto const content = bytes.substr(0, claimed_bytes);
        files.insert_or_assign(name, std::string(content));
        bytes.remove_prefix(content.size());
    }
    return files;
}

std::string pack(PackedFiles const& files) {
    std::string bytes;
    for (std::size_t i = 0; i < packed_names.size(); ++i) {
        auto const file = files.find(packed_names[i]);
        if (file == files.end()) continue;
        auto const content_bytes = static_cast<std::uint32_t>(file->second.size());
        bytes += static_cast<char>(i);
        bytes.append(reinterpret_cast<char const*>(&content_bytes), sizeof content_bytes);
        bytes += file->second;
    }
    return bytes;
}

}  // namespace moewire::fuzz
