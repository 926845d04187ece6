// ASTRA-sim's network file of its analytical backend: dimensions of rings, meshes and switches.
//
// Source: astra-sim/astra-network-analytical, `common/NetworkParser`; lists of equal length, the first
// dimension varies fastest, latency in ns, and its "GB/s" is 2^30 bytes per second.
#include <cmath>
#include <yaml-cpp/yaml.h>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "topology/machine.hpp"

namespace moewire {
namespace {

constexpr double astra_gigabyte = 1024.0 * 1024 * 1024;

Error wrong(std::string const& file, std::string const& key, std::string const& problem) {
    return input_error("topology", fmt::format("{}: {} {}", file, key, problem));
}

DimensionKind kind_of(std::string const& word, std::string const& file, std::size_t i) {
    if (word == "Ring") return DimensionKind::ring;
    if (word == "FullyConnected") return DimensionKind::fully_connected;
    if (word == "Switch") return DimensionKind::switched;
    throw wrong(file, fmt::format("topology[{}]", i),
                fmt::format("is '{}', an unknown kind; use Ring, FullyConnected or Switch", word));
}

YAML::Node list_of(YAML::Node const& root, std::string const& key, std::size_t length,
                   std::string const& file) {
    auto const list = root[key];
    if (!list) throw wrong(file, key, "is missing; add the list");
    if (!list.IsSequence()) throw wrong(file, key, "is no list; write [a, b, ...]");
    if (length > 0 && list.size() != length) {
        throw wrong(file, key,
                    fmt::format("has {} entries, topology has {} (one a dimension); make them equal",
                                list.size(), length));
    }
    return list;
}

double number_at(YAML::Node const& list, std::size_t i, std::string const& key, std::string const& file) {
    double value = 0;
    if (!YAML::convert<double>::decode(list[i], value))
        throw wrong(file, fmt::format("{}[{}]", key, i), "is not a number; correct it");
    bool const may_be_zero = key == "latency";
    if (!std::isfinite(value) || value < 0 || (value == 0 && !may_be_zero))
        throw wrong(file, fmt::format("{}[{}]", key, i), fmt::format("is {}; give a positive number", value));
    return value;
}

Dimension dimension_at(YAML::Node const& root, std::size_t i, std::size_t all, std::string const& file) {
    auto const counts = list_of(root, "npus_count", all, file);
    double const count = number_at(counts, i, "npus_count", file);
    if (count != std::floor(count) || count < 2 || count > 1e6)
        throw wrong(file, fmt::format("npus_count[{}]", i), "is no count above 1; correct it");
    auto const kind = list_of(root, "topology", all, file)[i].as<std::string>();
    return {kind_of(kind, file, i), static_cast<int>(count),
            number_at(list_of(root, "bandwidth", all, file), i, "bandwidth", file) * astra_gigabyte,
            number_at(list_of(root, "latency", all, file), i, "latency", file) * 1e-9};
}

MachineDescription load(std::string const& content, std::string const& file) {
    MachineDescription machine;
    machine.name = std::filesystem::path(file).stem().string();
    try {
        auto const root = YAML::Load(content);
        if (!root.IsMap())
            throw wrong(file, "the file", "holds no keys (no ASTRA-sim network file); name another");
        auto const all = list_of(root, "topology", 0, file).size();
        double ranks = 1;
        for (std::size_t i = 0; i < all; ++i) {
            machine.dimensions.push_back(dimension_at(root, i, all, file));
            ranks *= machine.dimensions.back().ranks;
        }
        if (all == 0) throw wrong(file, "topology", "is empty; name at least one dimension");
        if (ranks > 1e6) throw wrong(file, "npus_count", "makes more than a million ranks; ask for fewer");
        machine.ranks = static_cast<int>(ranks);
    } catch (YAML::Exception const& error) {
        throw wrong(file, fmt::format("line {}:", error.mark.line + 1),
                    error.msg + " (not valid YAML); repair it");
    }
    machine.description = fmt::format("ASTRA-sim network of {} dimensions.", machine.dimensions.size());
    return machine;
}

bool const registered = register_in<MachineLoader>(
    "astra_yaml", "Network file of ASTRA-sim's analytical backend: rings, meshes, switches (.yml, .yaml).",
    {[](std::string_view suffix, std::string_view) { return suffix == ".yml" || suffix == ".yaml"; }, load});

}  // namespace
}  // namespace moewire
