#include "trace/merge.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "trace/h5.hpp"
#include "trace/remains.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

struct Input {
    std::string name;
    Remains remains;
};

std::vector<Input> read_inputs(std::vector<fs::path> const& paths, MergeOutcome& outcome) {
    std::vector<Input> inputs;
    std::set<fs::path> seen;
    for (auto const& any : paths) {
        auto const path = trace_of(any);
        if (!seen.insert(fs::weakly_canonical(path)).second) continue;  // NAME.h5 and its own journal
        Input input{path.string(), read_remains(path)};
        outcome.damaged_lines += input.remains.damaged_lines;
        if (input.remains.root() == nullptr) {
            outcome.missing.push_back(input.name);
            continue;
        }
        check_schema_version(input.remains.root()->text("schema_version"), input.name);
        if (!input.remains.is_whole) outcome.interrupted.push_back(input.name);
        inputs.push_back(std::move(input));
    }
    return inputs;
}

// Throws: usage, when two inputs cannot be one trace.
void require_alike(std::vector<Input> const& inputs) {
    std::map<std::string, std::pair<std::string, std::string>> seen;  // what: value, input
    auto const same = [&](std::string const& what, std::string const& value, std::string const& input) {
        auto const [known, fresh] = seen.emplace(what, std::pair(value, input));
        if (fresh || known->second.first == value) return;
        throw input_error("trace",
                          fmt::format("{} has {} {}, {} has {} (their cases cannot stand in one "
                                      "trace); merge them apart",
                                      known->second.second, what, known->second.first, input, value));
    };
    for (auto const& input : inputs) {
        same("ranks", std::to_string(input.remains.root()->integer("ranks")), input.name);
        for (auto const& record : input.remains.records) {
            if (record.path.starts_with("/models/"))
                same("weights of " + record.path, record.text("weight_digest"), input.name);
        }
    }
}

Json described(Input const& input) {
    Json json{{"trace", input.name}};
    for (auto const& record : input.remains.records) {
        bool const is_root = record.path == place::root;
        if (!is_root && record.path != place::calibration) continue;
        auto& into = is_root ? json["root"] : json["calibration"];
        for (auto const& [name, value] : record.attributes)
            std::visit([&](auto const& v) { into[name] = v; }, value);
    }
    return json;
}

// Groups of which the run says that it wants them, and those whose cases are partly there.
void add_gaps(std::vector<Input> const& inputs, MergeOutcome& outcome) {
    std::map<std::string, std::string> wanted;  // group: input
    std::set<std::string> whole;
    for (auto const& input : inputs) {
        auto const* const root = input.remains.root();
        std::istringstream names(root->has("groups") ? root->text("groups") : "");
        for (std::string name; std::getline(names, name);) wanted.emplace(name, input.name);
        for (auto const& group : groups_of(input.remains.records)) {
            wanted.emplace(group.name, input.name);
            if (group.is_whole()) whole.insert(group.name);
        }
    }
    for (auto const& [group, input] : wanted) {
        if (!whole.contains(group)) outcome.gaps.push_back(fmt::format("{} of {}", group, input));
    }
}

std::vector<Record> merged(std::vector<Input> const& inputs, MergeOutcome& outcome) {
    std::vector<Record> records;
    std::set<std::string> seen;
    Json sources = Json::array();
    for (auto const& input : inputs) {
        sources.push_back(described(input));
        for (auto const& record : without_partial_groups(input.remains.records)) {
            bool const is_case = place::is_case(record.path);
            if (!seen.insert(record.path).second) {
                if (is_case)
                    outcome.duplicates.push_back(
                        fmt::format("{} (again in {})", place::key_of(record.path), input.name));
                continue;
            }
            records.push_back(record);
            if (!is_case) continue;
            records.back().attributes["source_trace"] = input.name;
            outcome.cases.push_back(place::key_of(record.path));
        }
    }
    for (auto& record : records) {
        if (record.path != place::root) continue;
        record.attributes["merged_from"] = sources.dump(-1, ' ', false, Json::error_handler_t::replace);
        record.attributes.erase("groups");  // of the first input alone
    }
    return records;
}

}  // namespace

MergeOutcome merge_traces(fs::path const& output, std::vector<fs::path> const& inputs) {
    if (fs::exists(output))
        throw usage_error(fmt::format("{} exists (a trace is never overwritten unasked); choose another name",
                                      output.string()));
    MergeOutcome outcome;
    auto const found = read_inputs(inputs, outcome);
    if (found.empty())
        throw usage_error(
            fmt::format("none of the {} inputs holds a record (did their jobs run?); name "
                        "traces or their journals",
                        inputs.size()));
    require_alike(found);
    auto const records = merged(found, outcome);
    add_gaps(found, outcome);
    fs::path part = output;
    part += ".merging";
    H5File file(part, H5Mode::create);
    for (auto const& record : records) file.write(record);
    file.close();
    fs::rename(part, output);
    std::sort(outcome.cases.begin(), outcome.cases.end());
    return outcome;
}

}  // namespace moewire
