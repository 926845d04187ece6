// What is there to choose from? Catalogues: each file in a plural folder registers itself by one line.
#pragma once

#include <algorithm>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace moewire {

// One catalogue of values of type T. T names it by `static constexpr char const* catalogue`, the path
// below src/ (or the repository) of the folder whose files register, e.g. "assignment/strategies".
//
// Registration runs before main(), in no defined order over files: names are sorted when asked for, and a
// duplicate is kept until then, because an exception before main() could not be reported.
template <class T>
class Registry {
  public:
    struct Entry {
        std::string name;
        std::string description;  // one sentence for `moewire list`
        std::string file;         // where it was registered
        T value;
    };

    static Registry& instance() {
        static Registry registry;
        return registry;
    }

    bool add(std::string name, std::string description, T value,
             std::source_location where = std::source_location::current()) {
        entries_.push_back({std::move(name), std::move(description), where.file_name(), std::move(value)});
        sorted_ = false;
        return true;
    }

    // Sorted by name. Throws: failure, when two files registered one name.
    std::vector<Entry> const& entries() {
        if (!sorted_) sort();
        return entries_;
    }

    // Throws: usage, when the name is unknown; the message lists the valid ones.
    Entry const& at(std::string_view name) {
        auto const& all = entries();
        auto const found =
            std::find_if(all.begin(), all.end(), [&](Entry const& e) { return e.name == name; });
        if (found != all.end()) return *found;
        std::string valid;
        for (auto const& entry : all) valid += (valid.empty() ? "" : ", ") + entry.name;
        throw usage_error("unknown name '" + std::string(name) + "' (not in " + T::catalogue +
                          "); use one of: " + valid);
    }

    bool contains(std::string_view name) {
        auto const& all = entries();
        return std::any_of(all.begin(), all.end(), [&](Entry const& e) { return e.name == name; });
    }

  private:
    void sort() {
        std::sort(entries_.begin(), entries_.end(),
                  [](Entry const& a, Entry const& b) { return a.name < b.name; });
        auto const twin = std::adjacent_find(entries_.begin(), entries_.end(),
                                             [](Entry const& a, Entry const& b) { return a.name == b.name; });
        if (twin != entries_.end()) {
            throw failure("registry", "two files register '" + twin->name + "' in " + T::catalogue + " (" +
                                          twin->file + " and " + std::next(twin)->file + "); rename one");
        }
        sorted_ = true;
    }

    std::vector<Entry> entries_;
    bool sorted_ = false;
};

// The one line of a catalogue file, at namespace scope:
//     static bool const registered = register_in<Strategy>("random", "Deals experts ...", {...});
template <class T>
bool register_in(std::string name, std::string description, T value,
                 std::source_location where = std::source_location::current()) {
    return Registry<T>::instance().add(std::move(name), std::move(description), std::move(value), where);
}

}  // namespace moewire
