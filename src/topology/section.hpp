// How is one table of a topology file read? Key by key, with messages that name file and key.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

#include "base/error.hpp"

namespace moewire {

class Section {
  public:
    // An absent table (nullptr) has no keys.
    Section(toml::table const* table, std::string name, std::string file)
        : table_(table), name_(std::move(name)), file_(std::move(file)) {}

    bool is_there() const { return table_ != nullptr; }
    bool has(std::string_view key) const { return table_ != nullptr && table_->contains(key); }
    Error wrong(std::string_view key, std::string_view problem, std::string_view remedy) const;

    // All throw: usage (source "topology"), naming the key.
    void allow_only(std::initializer_list<std::string_view> keys) const;
    std::optional<double> positive(std::string_view key) const;
    double required(std::string_view key) const;
    std::optional<int> count(std::string_view key) const;  // a whole number, 1 to a million
    std::vector<int> counts(std::string_view key, int least) const;
    std::string text(std::string_view key) const;
    // Index of the key's text among `words`; the first where the key is absent.
    std::size_t word(std::string_view key, std::vector<std::string_view> const& words) const;
    bool is_list(std::string_view key) const { return has(key) && (*table_)[key].is_array(); }

  private:
    toml::table const* table_;
    std::string name_;
    std::string file_;
};

}  // namespace moewire
