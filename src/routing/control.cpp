#include "routing/control.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

void expect_distinct(Routing const& routing) {
    for (std::size_t layer = 0; layer < routing.layers(); ++layer) {
        for (std::size_t token = 0; token < routing.tokens(); ++token) {
            auto const picks = routing.picks.row(layer, token);
            std::set<std::int32_t> const different(picks.begin(), picks.end());
            if (different.size() == picks.size()) continue;
            throw failure("control",
                          fmt::format("token {} of layer {} chose an expert twice (no router does); "
                                      "please report this",
                                      token, layer));
        }
    }
}

}  // namespace

bool is_control(std::string_view text) {
    return text.starts_with("control:");
}

Routing impose(std::string_view text, ControlRequest const& asked) {
    auto const spec = parse_spec(text);
    if (!spec.family.empty() && spec.family != "control")
        throw usage_error(fmt::format("'{}' is a {}, not a control; see `moewire list`", text, spec.family));
    auto const& control = Registry<Control>::instance().at(spec.name).value;
    if (asked.top_k < 1 || asked.top_k > asked.experts)
        throw usage_error(
            fmt::format("{}: {} distinct experts for each token of {} (there are not as many); "
                        "choose fewer",
                        label_of(spec), asked.top_k, asked.experts));
    auto request = asked;
    request.settings = Settings(control.settings, spec);
    auto const routing = control.route(request);
    validate(routing);
    expect_distinct(routing);
    if (auto const problem = control.self_check(request, routing); !problem.empty()) {
        throw failure("control", fmt::format("{} does not give what it claims: {}; please report this",
                                             label_of(spec), problem));
    }
    return routing;
}

}  // namespace moewire
