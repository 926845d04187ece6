#include "trace/schema.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"

namespace moewire {
namespace {

constexpr std::string_view case_prefix = "/cases/";

// Does `name` match `pattern`, where {} is one word without '/'?
bool matches(std::string_view name, std::string_view pattern) {
    auto const hole = pattern.find("{}");
    if (hole == std::string_view::npos) return name == pattern;
    auto const before = pattern.substr(0, hole), after = pattern.substr(hole + 2);
    if (name.size() < before.size() + after.size() + 1 || !name.starts_with(before) || !name.ends_with(after))
        return false;
    auto const word = name.substr(before.size(), name.size() - before.size() - after.size());
    return word.find('/') == std::string_view::npos;
}

Error broken(Record const& record, Dataset const& dataset, std::string const& why) {
    return failure("trace",
                   fmt::format("dataset {}/{} {} (readers could not understand it); please report this",
                               record.path, dataset.name, why));
}

void check_dataset(Record const& record, Dataset const& dataset) {
    if (dataset.unit.empty()) throw broken(record, dataset, "has no unit");
    if (dataset.axes.size() != dataset.shape.size()) {
        throw broken(
            record, dataset,
            fmt::format("names {} axes for {} dimensions", dataset.axes.size(), dataset.shape.size()));
    }
    auto const held = std::visit([](auto const& values) { return values.size(); }, dataset.values);
    if (held != dataset.size())
        throw broken(record, dataset,
                     fmt::format("holds {} values for shape [{}]", held, fmt::join(dataset.shape, ", ")));
}

void check_rule(Record const& record, Dataset const& dataset) {
    auto const& rules = case_rules();
    auto const rule = std::find_if(rules.begin(), rules.end(),
                                   [&](auto const& r) { return matches(dataset.name, r.name); });
    if (rule == rules.end()) throw broken(record, dataset, "is not in the schema");
    if (dataset.unit != rule->unit)
        throw broken(record, dataset, fmt::format("has unit '{}', not '{}'", dataset.unit, rule->unit));
    if (dataset.axes != rule->axes) {
        throw broken(record, dataset,
                     fmt::format("has axes [{}], not [{}]", fmt::join(dataset.axes, ", "),
                                 fmt::join(rule->axes, ", ")));
    }
}

}  // namespace

std::string schema_version() {
    return fmt::format("{}.{}", schema_major, schema_minor);
}

void check_schema_version(std::string const& version, std::string const& file) {
    int major = 0, minor = 0, used = 0;
    bool const parsed = std::sscanf(version.c_str(), "%d.%d%n", &major, &minor, &used) == 2 &&
                        static_cast<std::size_t>(used) == version.size();
    if (!parsed) {
        throw input_error(
            "trace", fmt::format("{}: schema version '{}' is not major.minor (not a moewire trace?); use a "
                                 "trace written by moewire",
                                 file, version));
    }
    if (major > schema_major) {
        throw input_error(
            "trace",
            fmt::format("{} has schema {} (this program reads up to {}.x, and meanings changed since); "
                        "use a newer moewire",
                        file, version, schema_major));
    }
}

namespace place {
std::string model(std::string const& name) {
    return "/models/" + safe_name(name);
}
std::string case_of(std::string const& key) {
    return std::string(case_prefix) + key;
}
bool is_case(std::string_view path) {
    return path.starts_with(case_prefix);
}
std::string key_of(std::string_view path) {
    return std::string(path.substr(case_prefix.size()));
}
}  // namespace place

std::string safe_name(std::string_view name) {
    std::string safe;
    for (char const c : name) {
        bool const kept =
            std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
        safe += kept ? c : '-';
    }
    // "." and ".." are places, not names.
    return safe.find_first_not_of('.') == std::string::npos ? "_" + safe : safe;
}

std::vector<DatasetRule> const& case_rules() {
    static std::vector<DatasetRule> const rules{
        {"assignment/expert_of_slot", "1", {"layer", "slot"}},
        {"assignment/rank_of_slot", "1", {"layer", "slot"}},
        {"assignment/share_of_slot", "1", {"layer", "slot"}},
        {"expert_load_tokens", "tokens", {"layer", "source_rank", "expert"}},
        {"plan_load_tokens", "tokens", {"layer", "source_rank", "expert"}},
        {"traffic_bytes", "bytes", {"layer", "source_rank", "destination_rank"}},
        {"predicted/dispatch/{}", "s", {"layer"}},
        {"predicted/combine/{}", "s", {"layer"}},
        {"measured/dispatch_host_s", "s", {"iteration", "layer", "rank"}},
        {"measured/dispatch_wait_s", "s", {"iteration", "layer", "rank"}},
        {"measured/dispatch_transfer_s", "s", {"iteration", "layer", "rank"}},
        {"measured/dispatch_device_s", "s", {"iteration", "layer", "rank"}},
        {"measured/combine_host_s", "s", {"iteration", "layer", "rank"}},
        {"measured/combine_wait_s", "s", {"iteration", "layer", "rank"}},
        {"measured/combine_transfer_s", "s", {"iteration", "layer", "rank"}},
        {"measured/combine_device_s", "s", {"iteration", "layer", "rank"}},
        {"measured/migration_host_s", "s", {"iteration", "layer", "rank"}},
        {"measured/migration_wait_s", "s", {"iteration", "layer", "rank"}},
        {"measured/migration_transfer_s", "s", {"iteration", "layer", "rank"}},
        {"measured/migration_device_s", "s", {"iteration", "layer", "rank"}},
        {"spread/predicted_s", "s", {"seed"}},
        {"measured/order", "1", {"iteration"}},
        {"measured/iteration_host_s", "s", {"iteration", "rank"}},
        {"steps/duration_s", "s", {"iteration", "layer", "step", "rank"}},
        {"steps/iteration_host_s", "s", {"iteration", "rank"}},
        // Seconds since the first rank began the pass, on rank 0's clock; a step that did not run has zeros.
        {"timeline/iteration", "1", {"pass"}},
        {"timeline/start_s", "s", {"pass", "layer", "step", "rank"}},
        {"timeline/end_s", "s", {"pass", "layer", "step", "rank"}},
        {"timeline/pass_start_s", "s", {"pass", "rank"}},
        {"timeline/pass_end_s", "s", {"pass", "rank"}},
    };
    return rules;
}

void check_record(Record const& record) {
    for (auto const& dataset : record.datasets) {
        check_dataset(record, dataset);
        if (place::is_case(record.path)) check_rule(record, dataset);
    }
}

}  // namespace moewire
