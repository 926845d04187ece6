#include "trace/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/json.hpp"

namespace moewire {
namespace {

constexpr char const* type_names[] = {"float64", "float32", "int32", "int64", "uint64"};

Json to_json(Dataset const& dataset) {
    Json json;
    json["name"] = dataset.name;
    json["unit"] = dataset.unit;
    json["axes"] = dataset.axes;
    json["shape"] = dataset.shape;
    json["type"] = type_names[dataset.values.index()];
    std::visit([&](auto const& values) { json["values"] = values; }, dataset.values);
    return json;
}

Dataset::Values values_of(Json const& json) {
    auto const type = json.at("type").get<std::string>();
    auto const& values = json.at("values");
    if (type == type_names[0]) return values.get<std::vector<double>>();
    if (type == type_names[1]) return values.get<std::vector<float>>();
    if (type == type_names[2]) return values.get<std::vector<std::int32_t>>();
    if (type == type_names[3]) return values.get<std::vector<std::int64_t>>();
    return values.get<std::vector<std::uint64_t>>();
}

Dataset dataset_of(Json const& json) {
    return {json.at("name"), json.at("unit"), json.at("axes"), json.at("shape"), values_of(json)};
}

Attribute attribute_of(Json const& json) {
    if (json.is_string()) return json.get<std::string>();
    if (json.is_number_integer()) return json.get<std::int64_t>();
    return json.get<double>();
}

void require_finite(Record const& record) {
    auto const fail = [&](std::string const& name) {
        throw failure("journal",
                      fmt::format("{} of {} is not finite (JSON cannot keep it); please report this", name,
                                  record.path));
    };
    for (auto const& [name, value] : record.attributes) {
        auto const* const number = std::get_if<double>(&value);
        if (number != nullptr && !std::isfinite(*number)) fail(name);
    }
    for (auto const& dataset : record.datasets) {
        auto const* const values = std::get_if<std::vector<double>>(&dataset.values);
        if (values == nullptr) continue;
        if (!std::all_of(values->begin(), values->end(), [](double v) { return std::isfinite(v); }))
            fail(dataset.name);
    }
}

}  // namespace

std::string to_line(Record const& record) {
    require_finite(record);
    Json json;
    json["path"] = record.path;
    json["attributes"] = Json::object();
    for (auto const& [name, value] : record.attributes) {
        std::visit([&](auto const& v) { json["attributes"][name] = v; }, value);
    }
    json["datasets"] = Json::array();
    for (auto const& dataset : record.datasets) json["datasets"].push_back(to_json(dataset));
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Record from_line(std::string const& line) {
    auto const json = Json::parse(line);
    Record record{json.at("path").get<std::string>(), {}, {}};
    for (auto const& [name, value] : json.at("attributes").items())
        record.attributes.emplace(name, attribute_of(value));
    for (auto const& dataset : json.at("datasets")) record.datasets.push_back(dataset_of(dataset));
    return record;
}

Journal::Journal(std::filesystem::path path, JournalMode mode)
    : path_(std::move(path)), file_(std::fopen(path_.c_str(), mode == JournalMode::fresh ? "we" : "ae")) {
    if (!file_) {
        throw failure("journal", fmt::format("cannot make {} ({}); choose another output folder",
                                             path_.string(), std::strerror(errno)));
    }
}

void Journal::append(Record const& record) {
    auto const line = to_line(record) + "\n";
    bool const written = std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() &&
                         std::fflush(file_.get()) == 0 && ::fdatasync(::fileno(file_.get())) == 0;
    if (!written) {
        throw failure(
            "journal",
            fmt::format("cannot write {} ({}); free space, then `moewire trace recover` keeps what is "
                        "finished",
                        path_.string(), std::strerror(errno)));
    }
}

void merge(Record& record, Record const& more) {
    for (auto const& [name, value] : more.attributes) record.attributes[name] = value;
    for (auto const& dataset : more.datasets) {
        auto const same = std::find_if(record.datasets.begin(), record.datasets.end(),
                                       [&](Dataset const& d) { return d.name == dataset.name; });
        if (same == record.datasets.end()) {
            record.datasets.push_back(dataset);
        } else {
            *same = dataset;
        }
    }
}

JournalContent read_journal(std::filesystem::path const& path) {
    JournalContent content;
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
        Record record;
        try {
            record = from_line(line);
        } catch (nlohmann::json::exception const&) {
            ++content.damaged_lines;
            continue;
        }
        auto const known = std::find_if(content.records.begin(), content.records.end(),
                                        [&](Record const& r) { return r.path == record.path; });
        if (known == content.records.end()) {
            content.records.push_back(std::move(record));
        } else {
            merge(*known, record);
        }
    }
    return content;
}

}  // namespace moewire
