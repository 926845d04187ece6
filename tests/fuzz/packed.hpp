// How are several files one input? Records of a name's number, a length, and the content.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace moewire::fuzz {

// The files that a weight folder may hold here; an index that names others finds them missing.
inline constexpr std::array<char const*, 5> packed_names{
    "model.safetensors.index.json", "a.safetensors", "b.safetensors", "c.safetensors", "model.safetensors"};

using PackedFiles = std::map<std::string, std::string>;  // name -> content

// Any bytes unpack: a number beyond the names counts round, a length beyond the end stops there.
PackedFiles unpack(std::string_view bytes);
std::string pack(PackedFiles const& files);

}  // namespace moewire::fuzz
