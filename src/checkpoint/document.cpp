#include "checkpoint/document.hpp"

#include "checkpoint/raw_file.hpp"

namespace moewire {

Document read_document(std::filesystem::path const& path, std::uint64_t most_bytes) {
    return parse_json(read_small_file(path, most_bytes), path.string(), "checkpoint");
}

}  // namespace moewire
