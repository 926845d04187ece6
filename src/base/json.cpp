#include "base/json.hpp"

#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file.hpp"

namespace moewire {
namespace {

constexpr int max_depth = 64;

// Watches the parser for repeated keys (the library silently keeps the last one) and for absurd nesting.
class KeyWatch {
  public:
    bool operator()(int depth, nlohmann::detail::parse_event_t event, Json& value) {
        using Event = nlohmann::detail::parse_event_t;
        if (depth > max_depth) throw std::invalid_argument(fmt::format("nested deeper than {}", max_depth));
        if (event == Event::object_start) open_.emplace_back();
        if (event == Event::object_end) open_.pop_back();
        if (event == Event::key && !open_.back().insert(value.get<std::string>()).second) {
            throw std::invalid_argument(fmt::format("key '{}' appears twice", value.get<std::string>()));
        }
        return true;
    }

  private:
    std::vector<std::set<std::string>> open_;
};

}  // namespace

Json parse_json(std::string_view text, std::string_view name, std::string_view source) {
    try {
        KeyWatch watch;
        return Json::parse(text,
                           [&](int depth, auto event, Json& value) { return watch(depth, event, value); });
    } catch (std::exception const& problem) {
        throw input_error(
            source, fmt::format("{} is not valid JSON ({}); repair or replace it", name, problem.what()));
    }
}

Json read_json(std::filesystem::path const& path, std::string_view source) {
    return parse_json(read_file(path), path.string(), source);
}

std::string to_text(Json const& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace moewire
