#include "trace/trace_reader.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "trace/h5.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

std::vector<Record> all_records(H5File const& file) {
    std::vector<Record> records{file.read("/")};
    for (auto const* path : {place::topology, place::calibration}) {
        if (file.contains(path)) records.push_back(file.read(path));
    }
    for (auto const* folder : {"/models", "/cases"}) {
        for (auto const& name : file.groups(folder))
            records.push_back(file.read(fmt::format("{}/{}", folder, name)));
    }
    return records;
}

std::string shape_of(Dataset const& dataset) {
    return fmt::format("[{}]", fmt::join(dataset.shape, ", "));
}

std::string first_values(Dataset const& dataset) {
    return std::visit(
        [](auto const& values) {
            auto const shown = std::min<std::size_t>(values.size(), 6);
            return fmt::format(
                "{}{}", fmt::join(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(shown), " "),
                shown < values.size() ? " ..." : "");
        },
        dataset.values);
}

void dump_record(Record const& record, DumpValues values, std::string& out) {
    out += record.path + "\n";
    for (auto const& [name, value] : record.attributes)
        out += fmt::format("    {} = {}\n", name, to_text(value));
    for (auto const& d : record.datasets) {
        out += fmt::format("    {} {} {} ({})\n", d.name, shape_of(d), d.unit, fmt::join(d.axes, ", "));
        if (values == DumpValues::yes) out += fmt::format("        {}\n", first_values(d));
    }
}

bool is_measured(std::string const& name) {
    return name.starts_with("measured/") || name.starts_with("steps/") || name.starts_with("timeline/");
}

void diff_attributes(Record const& a, Record const& b, std::vector<std::string>& out) {
    for (auto const& [name, value] : a.attributes) {
        auto const other = b.attributes.find(name);
        if (other == b.attributes.end()) {
            out.push_back(fmt::format("{}: attribute {} only in the first", a.path, name));
        } else if (value != other->second) {
            out.push_back(
                fmt::format("{}: {} is '{}' and '{}'", a.path, name, to_text(value), to_text(other->second)));
        }
    }
    for (auto const& [name, value] : b.attributes) {
        if (!a.attributes.contains(name))
            out.push_back(fmt::format("{}: attribute {} only in the second", a.path, name));
    }
}

void diff_datasets(Record const& a, Record const& b, std::vector<std::string>& out) {
    for (auto const& d : a.datasets) {
        auto const* const other = b.find(d.name);
        if (other == nullptr) {
            out.push_back(fmt::format("{}: dataset {} only in the first", a.path, d.name));
        } else if (d.shape != other->shape) {
            out.push_back(
                fmt::format("{}: {} has shape {} and {}", a.path, d.name, shape_of(d), shape_of(*other)));
        } else if (!is_measured(d.name) && d != *other) {
            out.push_back(fmt::format("{}: {} differs in values, unit or axes", a.path, d.name));
        }
    }
    for (auto const& d : b.datasets) {
        if (a.find(d.name) == nullptr)
            out.push_back(fmt::format("{}: dataset {} only in the second", a.path, d.name));
    }
}

std::vector<Record const*> records_of(Trace const& trace) {
    std::vector<Record const*> all{&trace.root, &trace.topology, &trace.calibration};
    for (auto const& model : trace.models) all.push_back(&model);
    for (auto const& one : trace.cases) all.push_back(&one);
    std::erase_if(all, [](Record const* r) { return r->path.empty(); });
    return all;
}

}  // namespace

std::vector<Record> read_all_records(std::filesystem::path const& path) {
    return all_records(H5File(path, H5Mode::read));
}

Trace read_trace(std::filesystem::path const& path) {
    H5File const file(path, H5Mode::read);
    Trace trace;
    trace.path = path;
    trace.root = file.read("/");
    if (!trace.root.has("schema_version")) {
        throw input_error(
            "trace",
            fmt::format("{} is HDF5, but no moewire trace (no schema_version); name a trace", path.string()));
    }
    check_schema_version(trace.root.text("schema_version"), path.string());
    for (auto& record : all_records(file)) {
        if (record.path == place::topology)
            trace.topology = std::move(record);
        else if (record.path == place::calibration)
            trace.calibration = std::move(record);
        else if (place::is_case(record.path))
            trace.cases.push_back(std::move(record));
        else if (record.path != place::root)
            trace.models.push_back(std::move(record));
    }
    return trace;
}

bool same_content(Record const& a, Record const& b) {
    if (a.attributes != b.attributes || a.datasets.size() != b.datasets.size()) return false;
    return std::all_of(a.datasets.begin(), a.datasets.end(), [&](Dataset const& d) {
        auto const* const other = b.find(d.name);
        return other != nullptr && d == *other;
    });
}

std::string dump(Trace const& trace, DumpValues values) {
    std::string out;
    for (auto const* record : records_of(trace)) dump_record(*record, values, out);
    return out;
}

std::vector<std::string> diff(Trace const& a, Trace const& b) {
    std::vector<std::string> out;
    auto const of_a = records_of(a), of_b = records_of(b);
    auto const find = [](std::vector<Record const*> const& all, std::string const& path) {
        auto const found =
            std::find_if(all.begin(), all.end(), [&](Record const* r) { return r->path == path; });
        return found == all.end() ? nullptr : *found;
    };
    for (auto const* record : of_a) {
        auto const* const other = find(of_b, record->path);
        if (other == nullptr) {
            out.push_back(record->path + " only in the first");
            continue;
        }
        diff_attributes(*record, *other, out);
        diff_datasets(*record, *other, out);
    }
    for (auto const* record : of_b) {
        if (find(of_a, record->path) == nullptr) out.push_back(record->path + " only in the second");
    }
    return out;
}

}  // namespace moewire
