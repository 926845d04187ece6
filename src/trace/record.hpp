// What is kept? Self-describing values: attributes, and datasets that carry their unit and axes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/grid.hpp"

namespace moewire {

using Attribute = std::variant<std::int64_t, double, std::string>;
using Attributes = std::map<std::string, Attribute>;

// An array in a trace. `axes` names each axis, `unit` each value ("s", "bytes", "tokens", "1").
struct Dataset {
    using Values = std::variant<std::vector<double>, std::vector<float>, std::vector<std::int32_t>,
                                std::vector<std::int64_t>, std::vector<std::uint64_t>>;
    std::string name;  // path below its group, e.g. "measured/dispatch_host_s"
    std::string unit;
    std::vector<std::string> axes;
    std::vector<std::uint64_t> shape;
    Values values;

    std::uint64_t size() const;  // values, by shape
    friend bool operator==(Dataset const&, Dataset const&) = default;
};

// A group of a trace: the root, the topology, a model, a case.
struct Record {
    std::string path;  // "/", "/topology", "/cases/<key>"
    Attributes attributes;
    std::vector<Dataset> datasets;

    // Throws: failure (source "trace"), naming path and key, when absent or of another type.
    std::string text(std::string const& key) const;
    std::int64_t integer(std::string const& key) const;
    double number(std::string const& key) const;  // integers are numbers too
    bool has(std::string const& key) const { return attributes.contains(key); }

    Dataset const* find(std::string const& name) const;
    Dataset const& at(std::string const& name) const;

    friend bool operator==(Record const&, Record const&) = default;
};

// Short text of an attribute, for dumps and messages.
std::string to_text(Attribute const& attribute);

// A grid as a dataset. Throws: contract, when axes do not fit.
template <class T, std::size_t N>
Dataset make_dataset(std::string name, std::string unit, std::vector<std::string> axes,
                     Grid<T, N> const& grid) {
    MOEWIRE_EXPECT(axes.size() == N);
    return {std::move(name),
            std::move(unit),
            std::move(axes),
            {grid.shape().begin(), grid.shape().end()},
            grid.values()};
}

// A dataset as a grid. Throws: failure, when type or rank differ.
template <class T, std::size_t N>
Grid<T, N> to_grid(Dataset const& dataset);

extern template Grid<double, 1> to_grid(Dataset const&);
extern template Grid<double, 2> to_grid(Dataset const&);
extern template Grid<double, 3> to_grid(Dataset const&);
extern template Grid<double, 4> to_grid(Dataset const&);
extern template Grid<std::int32_t, 1> to_grid(Dataset const&);
extern template Grid<std::int32_t, 2> to_grid(Dataset const&);
extern template Grid<std::int64_t, 2> to_grid(Dataset const&);
extern template Grid<std::int64_t, 3> to_grid(Dataset const&);
extern template Grid<std::uint64_t, 3> to_grid(Dataset const&);

}  // namespace moewire
