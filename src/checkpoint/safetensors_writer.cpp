#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"
#include "checkpoint/safetensors_header.hpp"

namespace moewire {
namespace {

using Sorted = std::vector<TensorToWrite const*>;

Error unwritable(std::filesystem::path const& path, std::string const& problem, std::string_view why) {
    return failure("checkpoint",
                   fmt::format("cannot write {}: {} ({}); please report this", path.string(), problem, why));
}

void check_tensor(TensorToWrite const& tensor, std::filesystem::path const& path) {
    auto const refuse = [&](std::string const& problem, std::string_view why) {
        throw unwritable(path, fmt::format("tensor {} has {}", in_quotes(tensor.name), problem), why);
    };
    if (tensor.name.empty() || tensor.name.size() > most_name_bytes || tensor.name == "__metadata__") {
        refuse("a name that cannot be read back", "empty, too long or reserved");
    }
    if (tensor.shape.size() > most_dimensions) refuse("too many dimensions", "at most 8 can be read back");
    for (auto const dimension : tensor.shape) {
        if (dimension < 0 || static_cast<std::uint64_t>(dimension) > most_dimension) {
            refuse(fmt::format("a dimension of {}", dimension), "0 to 2^53 can be read back");
        }
    }
    auto const bytes = tensor_bytes(tensor.dtype, tensor.shape);
    if (!bytes || *bytes != tensor.bytes.size()) {
        refuse(fmt::format("shape [{}] of {} but {} bytes", fmt::join(tensor.shape, ", "),
                           name_of(tensor.dtype), tensor.bytes.size()),
               "they contradict each other");
    }
}

// The reference's order: falling dtype, then the bytes of the name.
Sorted in_file_order(std::vector<TensorToWrite> const& tensors, std::filesystem::path const& path) {
    Sorted sorted;
    for (auto const& tensor : tensors) {
        check_tensor(tensor, path);
        sorted.push_back(&tensor);
    }
    std::sort(sorted.begin(), sorted.end(), [](auto const* a, auto const* b) { return a->name < b->name; });
    auto const twin = std::adjacent_find(sorted.begin(), sorted.end(),
                                         [](auto const* a, auto const* b) { return a->name == b->name; });
    if (twin != sorted.end()) {
        throw unwritable(path, fmt::format("tensor {} is there twice", in_quotes((*twin)->name)),
                         "a name belongs to one tensor");
    }
    if (sorted.size() > most_tensors)
        throw unwritable(path, "too many tensors", "they could not be read back");
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](auto const* a, auto const* b) { return a->dtype > b->dtype; });
    return sorted;
}

std::string header_text(Sorted const& tensors, std::map<std::string, std::string> const& metadata) {
    Json header = Json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::uint64_t offset = 0;
    // The library looks a key up by walking all before it: entries are joined as text, not as one object.
    std::string text = header.dump();
    text.pop_back();
    for (auto const* tensor : tensors) {
        std::uint64_t const end = offset + tensor->bytes.size();
        Json entry;
        entry["dtype"] = name_of(tensor->dtype);
        entry["shape"] = tensor->shape;
        entry["data_offsets"] = {offset, end};
        text += (text.size() > 1 ? "," : "") + Json(tensor->name).dump() + ":" + entry.dump();
        offset = end;
    }
    text += '}';
    text.append(
        (safetensors_prefix_bytes - text.size() % safetensors_prefix_bytes) % safetensors_prefix_bytes, ' ');
    return text;
}

}  // namespace

void write_safetensors(std::filesystem::path const& path, std::vector<TensorToWrite> const& tensors,
                       std::map<std::string, std::string> const& metadata) {
    Sorted const sorted = in_file_order(tensors, path);
    std::string header;
    try {
        header = header_text(sorted, metadata);
    } catch (Json::exception const&) {
        throw unwritable(path, "a name or a metadata text is not UTF-8", "JSON holds nothing else");
    }
    std::uint64_t const header_bytes = header.size();
    if (header_bytes > most_header_bytes)
        throw unwritable(path, "the header is too large", "more than 100 MB");
    OutputFile file(path);
    file.write(std::as_bytes(std::span(&header_bytes, 1)));
    file.write(std::as_bytes(std::span<char const>(header)));
    for (auto const* tensor : sorted) file.write(tensor->bytes);
    file.commit();
}

}  // namespace moewire
