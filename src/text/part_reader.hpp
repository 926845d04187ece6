// What does this part of tokenizer.json say? Typed access with messages that name the part.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"

namespace moewire {

// A JSON object of the file and its path in it, e.g. "tokenizer.json: decoder.decoders[1]".
class PartReader {
  public:
    // Throws: usage (source "tokenizer"), when it is no object.
    PartReader(Document const& json, std::string where);

    std::string const& where() const { return where_; }
    bool has(char const* key) const;  // and is not null

    // Throws: usage, when the value is absent or of another type.
    std::string text(char const* key) const;
    bool flag(char const* key) const;
    bool flag_or(char const* key, bool otherwise) const;
    std::optional<std::string> optional_text(char const* key) const;
    std::int64_t whole(char const* key) const;  // 0 .. 2^31 - 1
    Document const& any(char const* key) const;
    PartReader part(char const* key) const;
    std::vector<PartReader> parts(char const* key) const;  // a list of objects
    std::string type() const { return text("type"); }

    // One character. Throws: usage, when the text is not one.
    std::int32_t character(char const* key) const;

    Error wrong(std::string const& problem, std::string const& remedy = "repair the file") const;
    // For a component of another kind: names what can be used.
    Error unsupported(std::string const& supported) const;

  private:
    std::string where_of(char const* key) const;

    Document const* json_;
    std::string where_;
};

}  // namespace moewire
