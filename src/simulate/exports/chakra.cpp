// Chakra execution traces, one file a rank: the exchange lowered to sends and receives, because Chakra's
// collectives have one size for all ranks.
//
// Source: mlcommons/chakra, schema/protobuf/et_def.proto, and the length-delimited stream of its reader:
// GlobalMetadata, then Nodes.
#include <map>

#include <fmt/format.h>

#include "base/registry.hpp"
#include "simulate/export.hpp"
#include "simulate/protobuf.hpp"

namespace moewire {
namespace {

// Field numbers and values of the schema.
namespace node {
constexpr int id = 1, name = 2, type = 3, attribute = 10;
constexpr std::uint64_t send = 5, receive = 6;
}  // namespace node
namespace attribute {
constexpr int name = 1, uint32 = 11, uint64 = 13, boolean = 27;
}  // namespace attribute

std::string attribute_of(char const* name, int field, std::uint64_t value) {
    WireWriter writer;
    writer.text(attribute::name, name);
    writer.number(field, value);
    return writer.bytes();
}

std::string node_of(std::uint64_t id, std::uint64_t type, std::size_t source, std::size_t destination,
                    std::uint64_t bytes) {
    WireWriter writer;
    writer.number(node::id, id);
    writer.text(node::name,
                fmt::format("{}_{}_{}", type == node::send ? "send" : "recv", source, destination));
    writer.number(node::type, type);
    writer.text(node::attribute, attribute_of("is_cpu_op", attribute::boolean, 0));
    writer.text(node::attribute, attribute_of("comm_src", attribute::uint32, source));
    writer.text(node::attribute, attribute_of("comm_dst", attribute::uint32, destination));
    writer.text(node::attribute, attribute_of("comm_size", attribute::uint64, bytes));
    writer.text(node::attribute, attribute_of("comm_tag", attribute::uint32, 0));
    return delimited(writer.bytes());
}

std::vector<ExportFile> write(Scenario const& scenario, std::string const& name) {
    auto const& bytes = scenario.bytes;
    auto const n = bytes.extent(0);
    WireWriter metadata;
    metadata.text(1, "1.0.0");
    std::vector<ExportFile> files;
    for (std::size_t rank = 0; rank < n; ++rank) {
        std::string content = delimited(metadata.bytes());
        std::uint64_t id = 0;
        for (std::size_t step = 1; step < n; ++step) {
            auto const to = (rank + step) % n, from = (rank + n - step) % n;
            if (bytes(rank, to) > 0) content += node_of(++id, node::send, rank, to, bytes(rank, to));
            if (bytes(from, rank) > 0) content += node_of(++id, node::receive, from, rank, bytes(from, rank));
        }
        files.push_back({fmt::format("{}.{}.et", name, rank), content});
    }
    return files;
}

struct Transfer {
    std::uint64_t type = 0, source = 0, destination = 0, bytes = 0;
};

Transfer read_node(std::string_view message) {
    Transfer found;
    for (WireReader fields(message); !fields.at_end();) {
        auto const field = fields.next();
        if (field.field == node::type) found.type = field.number;
        if (field.field != node::attribute) continue;
        std::string_view name;
        std::uint64_t value = 0;
        for (WireReader parts(field.text); !parts.at_end();) {
            auto const part = parts.next();
            part.field == attribute::name ? void(name = part.text) : void(value = part.number);
        }
        if (name == "comm_src") found.source = value;
        if (name == "comm_dst") found.destination = value;
        if (name == "comm_size") found.bytes = value;
    }
    return found;
}

Imported read(std::vector<ExportFile> const& files) {
    auto const n = files.size();
    Grid<std::uint64_t, 2> sent(n, n), received(n, n);
    std::map<std::uint64_t, std::string> file_of_rank;
    for (auto const& file : files) {
        WireReader stream(file.content);
        stream.delimited();  // the metadata
        for (int number = 1; !stream.at_end(); ++number) {
            auto const t = read_node(stream.delimited());
            if (t.type != node::send && t.type != node::receive) continue;
            add_bytes(t.type == node::send ? sent : received, t.source, t.destination, t.bytes, file, number);
            auto const rank = t.type == node::send ? t.source : t.destination;
            if (auto const& owner = file_of_rank.emplace(rank, file.name).first->second; owner != file.name)
                throw export_error(
                    file, number,
                    fmt::format("rank {} is that of {} (a file a rank is needed); name each once", rank,
                                owner));
        }
    }
    expect_matched(sent, received, files.at(0));
    return {sent, std::nullopt};
}

bool const registered = register_in<TrafficExport>(
    "chakra", "Chakra execution traces, a file a rank, lowered to sends and receives (.et).",
    {{".et"}, write, read});

}  // namespace
}  // namespace moewire
