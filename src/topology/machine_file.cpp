#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "topology/topology.hpp"

namespace moewire {
namespace {

// One table of the file; knows its name for messages.
class Section {
  public:
    Section(toml::table const* table, std::string name, std::string file)
        : table_(table), name_(std::move(name)), file_(std::move(file)) {}

    Error wrong(std::string_view key, std::string_view problem, std::string_view remedy) const {
        return input_error("topology", fmt::format("{}: {}{}{} {}; {}", file_, name_,
                                                   name_.empty() ? "" : ".", key, problem, remedy));
    }

    void allow_only(std::initializer_list<std::string_view> keys) const {
        if (table_ == nullptr) return;
        for (auto const& [key, value] : *table_) {
            if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
            throw wrong(key.str(), "is not a known key",
                        fmt::format("use one of: {}", fmt::join(keys, ", ")));
        }
    }

    std::optional<double> positive(std::string_view key) const {
        if (table_ == nullptr || !table_->contains(key)) return std::nullopt;
        auto const value = (*table_)[key].value<double>();
        if (!value) throw wrong(key, "is not a number", "write a number in SI units, e.g. 12.5e9");
        if (!(*value > 0) || !std::isfinite(*value))
            throw wrong(key, fmt::format("is {}", *value), "give a positive number");
        return value;
    }

    std::string text(std::string_view key) const {
        auto const value = table_ == nullptr ? std::nullopt : (*table_)[key].value<std::string>();
        if (!value) throw wrong(key, "is missing or not a text", "add it");
        return *value;
    }

  private:
    toml::table const* table_;
    std::string name_;
    std::string file_;
};

toml::table parse(std::string const& content, std::string const& file) {
    try {
        return toml::parse(content, file);
    } catch (toml::parse_error const& error) {
        throw input_error("topology", fmt::format("{} line {}: {} (not valid TOML); repair it", file,
                                                  error.source().begin.line, error.description()));
    }
}

}  // namespace

MachineDescription read_machine(std::filesystem::path const& path) {
    auto const file = path.string();
    auto const root = parse(read_file(path), file);
    Section const top(&root, "", file), rank(root["rank"].as_table(), "rank", file),
        node(root["node"].as_table(), "node", file);
    top.allow_only({"name", "description", "latency_s", "rank", "node"});
    rank.allow_only({"out_bytes_per_s", "in_bytes_per_s"});
    node.allow_only({"ranks", "memory_bytes_per_s", "nic_out_bytes_per_s", "nic_in_bytes_per_s"});

    MachineDescription machine;
    machine.name = top.text("name");
    machine.description = top.text("description");
    machine.latency_s = top.positive("latency_s").value_or(0);
    machine.rank_out_bytes_per_s = rank.positive("out_bytes_per_s");
    machine.rank_in_bytes_per_s = rank.positive("in_bytes_per_s");
    machine.node_memory_bytes_per_s = node.positive("memory_bytes_per_s");
    machine.nic_out_bytes_per_s = node.positive("nic_out_bytes_per_s");
    machine.nic_in_bytes_per_s = node.positive("nic_in_bytes_per_s");
    if (auto const ranks = node.positive("ranks")) {
        if (*ranks != std::floor(*ranks) || *ranks > 1e6)
            throw node.wrong("ranks", "is not a count", "give a whole number");
        machine.ranks_per_node = static_cast<int>(*ranks);
    }
    return machine;
}

}  // namespace moewire
