#include "trace/record.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "base/error.hpp"

namespace moewire {
namespace {

template <class T>
T const& attribute_as(Record const& record, std::string const& key, char const* type) {
    auto const found = record.attributes.find(key);
    if (found == record.attributes.end()) {
        throw failure(
            "trace",
            fmt::format("{} has no attribute '{}' (the trace is damaged or of another program); use a "
                        "trace written by moewire",
                        record.path, key));
    }
    auto const* const value = std::get_if<T>(&found->second);
    if (value == nullptr) {
        throw failure("trace", fmt::format("attribute '{}' of {} is no {}; use a trace written by moewire",
                                           key, record.path, type));
    }
    return *value;
}

}  // namespace

std::uint64_t Dataset::size() const {
    return std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>{});
}

std::string Record::text(std::string const& key) const {
    return attribute_as<std::string>(*this, key, "text");
}
std::int64_t Record::integer(std::string const& key) const {
    return attribute_as<std::int64_t>(*this, key, "integer");
}

double Record::number(std::string const& key) const {
    auto const found = attributes.find(key);
    if (found != attributes.end()) {
        if (auto const* const whole = std::get_if<std::int64_t>(&found->second))
            return static_cast<double>(*whole);
    }
    return attribute_as<double>(*this, key, "number");
}

Dataset const* Record::find(std::string const& name) const {
    auto const found =
        std::find_if(datasets.begin(), datasets.end(), [&](Dataset const& d) { return d.name == name; });
    return found == datasets.end() ? nullptr : &*found;
}

Dataset const& Record::at(std::string const& name) const {
    auto const* const found = find(name);
    if (found == nullptr) {
        throw failure("trace",
                      fmt::format("{} has no dataset '{}' (was the case finished?); recover the trace first",
                                  path, name));
    }
    return *found;
}

std::string to_text(Attribute const& attribute) {
    return std::visit([](auto const& value) { return fmt::format("{}", value); }, attribute);
}

template <class T, std::size_t N>
Grid<T, N> to_grid(Dataset const& dataset) {
    auto const* const values = std::get_if<std::vector<T>>(&dataset.values);
    if (values == nullptr || dataset.shape.size() != N) {
        throw failure("trace",
                      fmt::format("dataset '{}' has not the expected type or {} axes; use a trace written by "
                                  "moewire",
                                  dataset.name, N));
    }
    std::array<std::size_t, N> shape{};
    std::copy(dataset.shape.begin(), dataset.shape.end(), shape.begin());
    return {shape, *values};
}

template Grid<double, 1> to_grid(Dataset const&);
template Grid<double, 2> to_grid(Dataset const&);
template Grid<double, 3> to_grid(Dataset const&);
template Grid<double, 4> to_grid(Dataset const&);
template Grid<std::int32_t, 1> to_grid(Dataset const&);
template Grid<std::int32_t, 2> to_grid(Dataset const&);
template Grid<std::int64_t, 2> to_grid(Dataset const&);
template Grid<std::int64_t, 3> to_grid(Dataset const&);
template Grid<std::uint64_t, 3> to_grid(Dataset const&);

}  // namespace moewire
