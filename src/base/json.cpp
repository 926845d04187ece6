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
            throw std::invalid_argument(fmt::format("it nests deeper than {}{}", most_depth, place()));
        if (event == Event::object_start) keys_.emplace_back();
        if (event == Event::object_end) keys_.pop_back();
        if (event == Event::key) note_key(value.get_ref<std::string const&>());
        return true;
    }

    // " at or behind key ...": where the parser stopped, as far as is known.
    std::string place() const { return has_key_ ? " at or behind key " + in_quotes(last_key_) : ""; }

  private:
    void note_key(std::string const& key) {
        if (!keys_.back().insert(key).second)
            throw std::invalid_argument(fmt::format("key {} appears twice", in_quotes(key)));
        last_key_ = key;
        has_key_ = true;
    }

    bool has_key_ = false;
    std::string last_key_;
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
    Watch watch;
    try {
        return Document::parse(
            text, [&](int depth, auto event, Document& value) { return watch(depth, event, value); });
    } catch (Document::parse_error const& problem) {
        // The library's own text may quote megabytes.
        throw bad(fmt::format("at byte {}{}: bad syntax, or not UTF-8", problem.byte, watch.place()));
    } catch (Document::exception const&) {
        throw bad(fmt::format("a number is out of range{}", watch.place()));
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
