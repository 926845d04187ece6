// How are the few protobuf fields written and read that Chakra traces need? The wire format, nothing more:
// the library would bring a compiler and a megabyte for two kinds of field.
//
// Source: Protocol Buffers documentation, "Encoding": varints, and fields of type 0 (varint) and 2 (length).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moewire {

class WireWriter {
  public:
    void number(int field, std::uint64_t value);
    void text(int field, std::string_view value);  // strings and messages alike
    std::string const& bytes() const { return bytes_; }

  private:
    friend std::string delimited(std::string_view message);
    void varint(std::uint64_t value);
    std::string bytes_;
};

// A message behind its length, as streams of messages are kept.
std::string delimited(std::string_view message);

struct WireField {
    int field = 0;
    std::uint64_t number = 0;  // of type 0
    std::string_view text;     // of type 2
};

class WireReader {
  public:
    explicit WireReader(std::string_view bytes) : left_(bytes) {}
    bool at_end() const { return left_.empty(); }
    // All throw: usage (source "export"), when the bytes end too early or are of another kind.
    WireField next();              // fields of fixed width are passed over (number 0)
    std::string_view delimited();  // the next message of a stream

  private:
    std::uint64_t varint();
    std::string_view take(std::uint64_t count);
    std::string_view left_;
};

}  // namespace moewire
