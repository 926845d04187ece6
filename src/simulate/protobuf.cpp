#include "simulate/protobuf.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {
namespace {

constexpr std::uint64_t varint_type = 0, fixed64_type = 1, length_type = 2, fixed32_type = 5;

Error torn(std::string const& what) {
    return input_error("export",
                       "protobuf: " + what + " (the file is cut short, or no Chakra trace); export it again");
}

}  // namespace

void WireWriter::varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
}

void WireWriter::number(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3 | varint_type);
    varint(value);
}

void WireWriter::text(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | length_type);
    varint(value.size());
    bytes_ += value;
}

std::string delimited(std::string_view message) {
    WireWriter head;
    head.varint(message.size());
    return head.bytes() + std::string(message);
}

std::uint64_t WireReader::varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        auto const byte = static_cast<unsigned char>(take(1).front());
        value |= std::uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80) return value;
    }
    throw torn("a number of more than 64 bits");
}

std::string_view WireReader::take(std::uint64_t count) {
    if (count > left_.size()) throw torn("bytes are missing");
    auto const taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
}

WireField WireReader::next() {
    auto const key = varint();
    WireField found{static_cast<int>(key >> 3), 0, {}};
    switch (key & 7) {
        case varint_type:
            found.number = varint();
            break;
        case fixed64_type:
            take(8);
            break;
        case length_type:
            found.text = take(varint());
            break;
        case fixed32_type:
            take(4);
            break;
        default:
            throw torn(fmt::format("a field of unknown type {}", key & 7));
    }
    return found;
}

std::string_view WireReader::delimited() {
    return take(varint());
}

}  // namespace moewire
