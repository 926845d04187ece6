#include "trace/remains.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "trace/journal.hpp"
#include "trace/schema.hpp"
#include "trace/trace_reader.hpp"
#include "trace/trace_writer.hpp"

namespace moewire {
namespace fs = std::filesystem;
namespace {

std::string status_of(Record const& record) {
    auto const state = record.attributes.find("status");
    return state == record.attributes.end() ? "" : to_text(state->second);
}

std::vector<Record> records_of(fs::path const& file) {
    try {
        return read_all_records(file);
    } catch (Error const&) {
        return {};  // cut off while HDF5 wrote: the journal has it all
    }
}

std::string group_of(Record const& record) {
    auto const name = record.attributes.find("group");
    return name == record.attributes.end() ? record.path : to_text(name->second);
}

}  // namespace

bool is_finished(Record const& one) {
    auto const state = status_of(one);
    return !state.empty() && state != status::predicted;
}

bool is_settled(Record const& one) {
    auto const state = status_of(one);
    return state == status::ok || state == status::waived;
}

Record const* Remains::root() const {
    auto const found =
        std::find_if(records.begin(), records.end(), [](Record const& r) { return r.path == place::root; });
    return found == records.end() ? nullptr : &*found;
}

fs::path trace_of(fs::path const& any) {
    if (any.extension() == ".tmp") return fs::path(any).replace_extension();
    if (any.extension() == ".jsonl") return fs::path(any).replace_extension(".h5");
    return any;
}

Remains read_remains(fs::path const& trace) {
    Remains remains;
    remains.is_whole = fs::exists(trace);
    if (fs::exists(journal_path(trace))) {
        auto content = read_journal(journal_path(trace));
        remains.records = std::move(content.records);
        remains.damaged_lines = content.damaged_lines;
    }
    for (auto const& file : {part_path(trace), trace}) {
        if (!fs::exists(file)) continue;
        for (auto const& record : records_of(file)) {
            auto const same = std::find_if(remains.records.begin(), remains.records.end(),
                                           [&](Record const& r) { return r.path == record.path; });
            if (same == remains.records.end()) {
                remains.records.push_back(record);
            } else if (place::is_case(record.path) && is_finished(record) && !same_content(record, *same)) {
                remains.differing.push_back(place::key_of(record.path));
            }
        }
    }
    return remains;
}

std::vector<GroupState> groups_of(std::vector<Record> const& records) {
    std::vector<GroupState> groups;
    for (auto const& record : records) {
        if (!place::is_case(record.path)) continue;
        auto const name = group_of(record);
        auto group = std::find_if(groups.begin(), groups.end(),
                                  [&](GroupState const& state) { return state.name == name; });
        if (group == groups.end()) group = groups.insert(groups.end(), {name, 0, {}});
        group->size = record.has("group_size") ? static_cast<std::size_t>(record.integer("group_size")) : 1;
        if (is_settled(record)) group->keys.push_back(place::key_of(record.path));
    }
    return groups;
}

std::vector<Record> without_partial_groups(std::vector<Record> records) {
    std::set<std::string> partial;
    for (auto const& group : groups_of(records)) {
        if (!group.is_whole()) partial.insert(group.name);
    }
    std::erase_if(records,
                  [&](Record const& r) { return place::is_case(r.path) && partial.contains(group_of(r)); });
    return records;
}

}  // namespace moewire
