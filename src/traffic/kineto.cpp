#include "traffic/kineto.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/json.hpp"

namespace moewire {
namespace {

Error wrong(std::string const& file, std::string const& problem) {
    return input_error("kineto", fmt::format("{}: {}", file, problem));
}

// Unit: bytes. Source: names of `c10::ScalarType`.
std::uint64_t element_bytes(std::string const& type, std::string const& file) {
    for (auto const* one :
         {"Byte", "Char", "Bool", "Float8_e4m3fn", "Float8_e5m2", "Float8_e4m3fnuz", "Float8_e5m2fnuz"})
        if (type == one) return 1;
    for (auto const* two : {"BFloat16", "Half", "Short"})
        if (type == two) return 2;
    for (auto const* four : {"Float", "Int"})
        if (type == four) return 4;
    for (auto const* eight : {"Double", "Long"})
        if (type == eight) return 8;
    throw wrong(
        file, fmt::format("elements of type {} (their size is unknown); convert the trace", in_quotes(type)));
}

// What one rank does in one exchange. Unit: bytes.
struct Part {
    std::vector<std::uint64_t> out, in;
};

std::uint64_t count_in(Document const& args, char const* key, std::string const& file) {
    if (!args.contains(key) || !args[key].is_number_integer() || args[key] < 0)
        throw wrong(file,
                    fmt::format("an all-to-all without a count '{}'; profile with a newer PyTorch", key));
    return args[key].get<std::uint64_t>();
}

// "[1, 2]" as text, or a list.
std::vector<std::uint64_t> splits_of(Document const& args, char const* key, std::string const& file) {
    Document list = args.value(key, Document::array());
    if (list.is_string()) {
        auto const text = list.get<std::string>();
        if (text.find("...") != std::string::npos) {
            throw wrong(
                file,
                fmt::format("'{}' is cut short (PyTorch keeps 30 entries; the others are lost); take the "
                            "split sizes from an execution trace, or profile 30 ranks at most",
                            key));
        }
        list = text.empty() ? Document::array() : parse_json(text, file, "kineto");
    }
    std::vector<std::uint64_t> splits;
    for (auto const& value : list) {
        if (!value.is_number_integer() || value < 0)
            throw wrong(file, fmt::format("'{}' holds what is no count; profile again", key));
        splits.push_back(value.get<std::uint64_t>());
    }
    return splits;
}

std::vector<std::uint64_t> bytes_of(Document const& args, char const* splits_key, char const* elements_key,
                                    std::size_t ranks, std::string const& file) {
    auto splits = splits_of(args, splits_key, file);
    auto const elements = count_in(args, elements_key, file);
    if (splits.empty()) splits.assign(ranks, 1);
    if (splits.size() != ranks)
        throw wrong(file, fmt::format("'{}' has {} entries for {} ranks; profile again", splits_key,
                                      splits.size(), ranks));
    std::uint64_t units = 0;
    for (auto const split : splits) units += split;
    if (units == 0 ? elements != 0 : elements % units != 0) {
        throw wrong(file,
                    fmt::format("'{}' makes {} parts of {} elements (no whole number each); profile again",
                                splits_key, units, elements));
    }
    auto const type = args.value("dtype", std::string());
    auto const unit_bytes = units == 0 ? 0 : elements / units * element_bytes(type, file);
    for (auto& split : splits) split *= unit_bytes;
    return splits;
}

bool is_exchange(Document const& event, std::size_t ranks) {
    if (event.value("name", "") != "record_param_comms" || !event.contains("args")) return false;
    auto const& args = event["args"];
    auto const name = args.value("Collective name", std::string());
    return name.starts_with("all_to_all") && args.value("Group size", std::size_t{0}) == ranks;
}

std::vector<Part> parts_of(Document const& trace, std::size_t ranks, std::string const& file) {
    if (!trace.contains("traceEvents") || !trace["traceEvents"].is_array())
        throw wrong(file, "has no traceEvents (no trace of PyTorch's profiler); name another file");
    std::vector<std::pair<double, Part>> found;
    for (auto const& event : trace["traceEvents"]) {
        if (!event.is_object() || !is_exchange(event, ranks)) continue;
        auto const& args = event["args"];
        found.push_back({event.value("ts", 0.0),
                         {bytes_of(args, "In split size", "In msg nelems", ranks, file),
                          bytes_of(args, "Out split size", "Out msg nelems", ranks, file)}});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](auto const& a, auto const& b) { return a.first < b.first; });
    std::vector<Part> parts;
    for (auto& [ts, part] : found) parts.push_back(std::move(part));
    return parts;
}

std::size_t rank_of(Document const& trace, std::size_t ranks, std::string const& file) {
    auto const info = trace.value("distributedInfo", Document::object());
    if (!info.contains("rank") || !info["rank"].is_number_unsigned())
        throw wrong(file,
                    "does not say which rank it is (distributedInfo.rank); profile inside a process group");
    auto const rank = info["rank"].get<std::size_t>();
    if (rank >= ranks)
        throw wrong(file, fmt::format("is rank {} of {} files (a file a rank is needed); name them all", rank,
                                      ranks));
    return rank;
}

ByteMatrix matrix_of(std::vector<std::vector<Part>> const& parts, std::size_t exchange) {
    auto const n = parts.size();
    ByteMatrix bytes(n, n);
    for (std::size_t s = 0; s < n; ++s) {
        for (std::size_t d = 0; d < n; ++d) {
            bytes(s, d) = parts[s][exchange].out[d];
            auto const expected = parts[d][exchange].in[s];
            if (bytes(s, d) == expected) continue;
            throw wrong(
                fmt::format("exchange {}", exchange),
                fmt::format("rank {} sends rank {} {} bytes, which expects {} (the files are not of one "
                            "run); name the files of one run",
                            s, d, bytes(s, d), expected));
        }
    }
    return bytes;
}

}  // namespace

std::vector<ProfiledExchange> read_kineto(std::vector<std::filesystem::path> const& files) {
    std::vector<std::vector<Part>> parts(files.size());
    std::vector<bool> seen(files.size());
    for (auto const& path : files) {
        auto const file = path.string();
        auto const trace = read_json(path, "kineto");
        if (!trace.is_object())
            throw wrong(file, "holds no object (no trace of PyTorch's profiler); name another file");
        auto const rank = rank_of(trace, files.size(), file);
        if (seen[rank]) throw wrong(file, fmt::format("is rank {} again; name a file a rank", rank));
        seen[rank] = true;
        try {
            parts[rank] = parts_of(trace, files.size(), file);
        } catch (Document::exception const& error) {
            throw wrong(file, fmt::format("{} (an event of another form than PyTorch writes); profile again",
                                          error.what()));
        }
        if (parts[rank].empty()) {
            throw wrong(file,
                        fmt::format("holds no all-to-all among {} ranks; profile one, and name a file a rank",
                                    files.size()));
        }
    }
    for (auto const& one : parts) {
        if (one.size() == parts.front().size()) continue;
        throw wrong(files.front().string(),
                    fmt::format("ranks saw {} and {} exchanges (they cannot be paired); "
                                "profile the same steps on every rank",
                                parts.front().size(), one.size()));
    }
    std::vector<ProfiledExchange> exchanges;
    for (std::size_t i = 0; !parts.empty() && i < parts.front().size(); ++i)
        exchanges.push_back({matrix_of(parts, i)});
    return exchanges;
}

}  // namespace moewire
