#include "base/json.hpp"

#include <stdexcept>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"

namespace moewire {
namespace {

constexpr int most_depth = 64;

// Watches the parser: the library keeps the last of repeated keys without a word, and nests without limit.
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

Document parse_json(std::string_view text, std::string_view name, std::string_view source) {
    auto const bad = [&](std::string_view reason) {
        return input_error(
            source, fmt::format("{} is not valid JSON ({}); repair it or fetch it again", name, reason));
    };
    if (auto const zero = text.find('\0'); zero != std::string_view::npos) {
        throw bad(fmt::format("a zero byte at {}: it is not a text", zero));
    }
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

Document read_json(std::filesystem::path const& path, std::string_view source) {
    return parse_json(read_file(path), path.string(), source);
}

std::string to_text(Json const& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t most_shown_bytes = 160;
    bool const cut = text.size() > most_shown_bytes;
    std::string const shown(text.substr(0, most_shown_bytes));
    return Document(shown).dump(-1, ' ', true, Document::error_handler_t::replace) + (cut ? "..." : "");
}

}  // namespace moewire
