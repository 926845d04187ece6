#include "checkpoint/document.hpp"

#include <stdexcept>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "checkpoint/raw_file.hpp"
#include "checkpoint/safetensors_header.hpp"

namespace moewire {
namespace {

constexpr int most_depth = 64;

// The library keeps the last of repeated keys without a word.
class Watch {
  public:
    bool operator()(int depth, Document::parse_event_t event, Document& value) {
        using Event = Document::parse_event_t;
        if (depth > most_depth)
            throw std::invalid_argument(fmt::format("it nests deeper than {}", most_depth));
        if (event == Event::object_start) keys_.emplace_back();
        if (event == Event::object_end) keys_.pop_back();
        if (event == Event::key && !keys_.back().insert(value.get<std::string>()).second) {
            throw std::invalid_argument(
                fmt::format("key {} appears twice", in_quotes(value.get_ref<std::string const&>())));
        }
        return true;
    }

  private:
    std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open
};

}  // namespace

Document read_document(std::filesystem::path const& path, std::uint64_t most_bytes) {
    auto const bad = [&](std::string_view reason) {
        return input_error("checkpoint", fmt::format("{} is not valid JSON ({}); repair it or fetch it again",
                                                     path.string(), reason));
    };
    std::string const text = read_small_file(path, most_bytes);
    try {
        Watch watch;
        return Document::parse(
            text, [&](int depth, auto event, Document& value) { return watch(depth, event, value); });
    } catch (Document::parse_error const& problem) {
        // The library's own text may quote megabytes.
        throw bad(fmt::format("at byte {}: bad syntax, or not UTF-8", problem.byte));
    } catch (Document::exception const&) {
        throw bad("a number is out of range");
    } catch (std::invalid_argument const& problem) {
        throw bad(problem.what());
    }
}

}  // namespace moewire
