#include "report/runs.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "base/json.hpp"
#include "base/random.hpp"

namespace moewire {
namespace {
namespace fs = std::filesystem;

// Differ between any two runs, as files do that a run has to itself.
std::set<std::string> const by_nature{"created_utc",
                                      "command_line",
                                      "clock_bound_s",
                                      "nccl_topology_xml",
                                      "option output",
                                      "environment NCCL_DEBUG_FILE",
                                      "environment NCCL_TOPO_DUMP_FILE"};
// Hold many facts: each is compared by itself.
std::set<std::string> const whole{"environment", "gpus", "options"};
constexpr int resamples = 1000;
constexpr std::int64_t fewest_samples = 6;  // below, no 95 % interval of a median exists

std::string last_parts(fs::path const& path, std::size_t count) {
    fs::path name;
    for (auto part = path.end(); count > 0 && part != path.begin(); --count) {
        --part;
        name = name.empty() ? *part : *part / name;
    }
    return name.string();
}

// Attributes of the root, with options, the environment's variables and the first GPU's state as entries of
// their own.
std::map<std::string, std::string> provenance_of(Trace const& trace) {
    std::map<std::string, std::string> values;
    for (auto const& [name, value] : trace.root.attributes) {
        if (!whole.contains(name)) values[name] = to_text(value);
    }
    std::istringstream options(trace.root.has("options") ? trace.root.text("options") : "");
    for (std::string line; std::getline(options, line);) {
        auto const equals = line.find('=');
        if (equals != std::string::npos) values["option " + line.substr(0, equals)] = line.substr(equals + 1);
    }
    auto const add = [&](char const* attribute, std::string const& prefix) {
        if (!trace.root.has(attribute)) return;
        auto document = Document::parse(trace.root.text(attribute), nullptr, false);
        if (document.is_array() && !document.empty()) document = document.front();
        if (!document.is_object()) return;
        for (auto const& [name, value] : document.items())
            values[prefix + name] = value.is_string() ? value.get<std::string>() : value.dump();
    };
    add("environment", "environment ");
    add("gpus", "gpu of rank 0, ");
    for (auto const& name : by_nature) values.erase(name);
    return values;
}

}  // namespace

std::vector<std::string> run_names(std::vector<Trace> const& traces) {
    std::vector<std::string> names;
    for (std::size_t parts = 1; parts <= 6; ++parts) {
        names.clear();
        for (auto const& trace : traces) names.push_back(last_parts(trace.path, parts));
        if (std::set<std::string>(names.begin(), names.end()).size() == names.size()) return names;
    }
    for (std::size_t i = 0; i < names.size(); ++i) names[i] += " (" + std::to_string(i + 1) + ")";
    return names;
}

std::vector<ProvenanceRow> provenance_differences(std::vector<Trace> const& traces) {
    std::vector<ProvenanceRow> rows;
    if (traces.size() < 2) return rows;
    std::vector<std::map<std::string, std::string>> all;
    std::set<std::string> names;
    for (auto const& trace : traces) {
        all.push_back(provenance_of(trace));
        for (auto const& [name, value] : all.back()) names.insert(name);
    }
    auto const value_of = [](std::map<std::string, std::string> const& values, std::string const& name) {
        auto const found = values.find(name);
        return found == values.end() ? std::string("-") : found->second;
    };
    for (auto const& name : names) {
        ProvenanceRow row{name, {}};
        for (auto const& values : all) row.values.push_back(value_of(values, name));
        if (std::set<std::string>(row.values.begin(), row.values.end()).size() > 1)
            rows.push_back(std::move(row));
    }
    for (auto const* name : {"created_utc", "command_line"}) {
        ProvenanceRow row{name, {}};
        for (auto const& trace : traces)
            row.values.push_back(trace.root.has(name) ? trace.root.text(name) : "-");
        rows.push_back(std::move(row));
    }
    return rows;
}

Comparison compare_unpaired(std::vector<double> const& a, std::vector<double> const& b) {
    Random random(0, "resampled runs");
    std::vector<double> ratios;
    auto const resampled = [&](std::vector<double> const& samples) {
        std::vector<double> drawn(samples.size());
        for (auto& value : drawn) value = samples[static_cast<std::size_t>(random.below(samples.size()))];
        return median(drawn);
    };
    for (int r = 0; r < resamples; ++r) {
        double const above = resampled(a);
        ratios.push_back(above / resampled(b));
    }
    auto const n = static_cast<std::int64_t>(std::min(a.size(), b.size()));
    Comparison result{
        {median(a) / median(b), percentile(ratios, 0.025), percentile(ratios, 0.975), n, n >= fewest_samples},
        Verdict::cannot_tell};
    if (result.ratio.bounded && result.ratio.high < 1) result.verdict = Verdict::faster;
    if (result.ratio.bounded && result.ratio.low > 1) result.verdict = Verdict::slower;
    return result;
}

std::vector<RunDifference> differences_between(std::vector<Group> const& first,
                                               std::vector<Group> const& other, std::size_t run) {
    std::map<std::string, CaseSummary const*> by_key;
    for (auto const& group : other) {
        for (auto const& one : group.cases) {
            if (one.measured()) by_key.emplace(one.key, &one);
        }
    }
    std::vector<RunDifference> differences;
    for (auto const& group : first) {
        for (auto const& one : group.cases) {
            auto const found = by_key.find(one.key);
            if (!one.measured() || found == by_key.end()) continue;
            differences.push_back({run, one.key, one.label(), &one, found->second,
                                   compare_unpaired(found->second->charged_s, one.charged_s)});
        }
    }
    return differences;
}

}  // namespace moewire
