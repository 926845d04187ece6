// What does a JSON object say under this key? Typed answers, and errors that name file, key and what was
// found.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "checkpoint/document.hpp"

namespace moewire {

// A view of one object of a configuration file; the document must outlive it. null counts as absent.
// A value of another type than asked for is an error, never converted: "8" is no number and 8.0 no integer.
class JsonFields {
  public:
    // `file` and `prefix` ("rope_scaling." or "") are for messages. Throws: usage, when it is no object.
    JsonFields(Document const& object, std::string file, std::string prefix);

    bool has(std::string_view key) const { return find(key) != nullptr; }
    bool is_null(std::string_view key) const;  // there, and null: for the few keys where that is an answer
    bool empty() const { return object_->empty(); }
    std::string const& file() const { return file_; }

    // Nothing, when the key is absent. Throws: usage, when the value is of another type.
    std::optional<std::int64_t> integer(std::string_view key) const;
    std::optional<double> number(std::string_view key) const;  // finite
    std::optional<bool> boolean(std::string_view key) const;
    std::optional<std::string> text(std::string_view key) const;
    std::vector<double> numbers(std::string_view key) const;                // a list; empty when absent
    std::vector<std::string> texts(std::string_view key) const;             // a list; empty when absent
    std::vector<std::int64_t> integer_or_list(std::string_view key) const;  // 2 or [2, 7]; empty when absent
    std::optional<JsonFields> object(std::string_view key) const;

    // The integer under whichever of the keys is there; two that contradict each other are an error.
    std::optional<std::int64_t> integer_of(std::initializer_list<std::string_view> keys) const;

    // file: key `problem` (why); ...
    Error bad(std::string_view key, std::string const& problem, std::string_view why) const;

  private:
    Document const* find(std::string_view key) const;
    Error wrong_type(std::string_view key, std::string_view wanted, Document const& found) const;
    std::int64_t to_integer(std::string_view key, Document const& value) const;
    double to_number(std::string_view key, Document const& value) const;

    Document const* object_;
    std::string file_;
    std::string prefix_;
};

}  // namespace moewire
