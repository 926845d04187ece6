#include "report/expectations.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "report/sentences.hpp"
#include "report/slope.hpp"
#include "routing/imbalance.hpp"

namespace moewire {
namespace {

Expectation not_run(std::string expected, std::string const& command) {
    return {std::move(expected), fmt::format("not run: `moewire {}`", command), "-", "not run"};
}

// Gini of every layer of every text under the model's own routing.
Expectation expect_gini(Trace const& trace) {
    Expectation e{"Gini above 0.3 in many layers", "", "", ""};
    std::set<std::string> seen;
    std::vector<double> ginis;
    double floor = 0;
    for (auto const& record : trace.cases) {
        bool const is_native = !record.has("policy") || record.text("policy") == "native";
        if (!is_native || record.find("expert_load_tokens") == nullptr ||
            !seen.insert(record.text("model") + "\n" + record.text("dataset")).second)
            continue;
        auto const load = to_grid<std::int64_t, 3>(record.at("expert_load_tokens"));
        for (std::size_t l = 0; l < load.extent(0); ++l) {
            std::vector<std::int64_t> of_expert(load.extent(2));
            for (std::size_t r = 0; r < load.extent(1); ++r) {
                for (std::size_t x = 0; x < load.extent(2); ++x) of_expert[x] += load(l, r, x);
            }
            ginis.push_back(imbalance_of(of_expert).gini);
        }
        if (record.has("expert_gini_noise_floor"))
            floor = std::max(floor, record.number("expert_gini_noise_floor"));
    }
    if (ginis.empty()) return not_run(e.expected, "measure");
    auto const above = std::count_if(ginis.begin(), ginis.end(), [](double g) { return g > 0.3; });
    auto const [least, most] = std::minmax_element(ginis.begin(), ginis.end());
    e.found = fmt::format("{} of {} layers, largest {:.2f}", above, ginis.size(), *most);
    e.interval = fmt::format("layers: {:.2f} to {:.2f}; chance alone: {:.2f}", *least, *most, floor);
    auto const share = static_cast<double>(above) / static_cast<double>(ginis.size());
    e.verdict = share >= 0.5 ? "confirmed" : above > 0 ? "in part" : "not found";
    return e;
}

// Attributes "policy.<text>.<policy>.<what>" of all models.
struct Rise {
    double value_percent = 0, low_percent = 0, high_percent = 0;
};
std::vector<Rise> rises_of(Trace const& trace, std::string const& policy) {
    std::vector<Rise> rises;
    auto const ending = "." + policy + ".perplexity_rise_percent";
    for (auto const& model : trace.models) {
        for (auto const& [name, value] : model.attributes) {
            if (!name.starts_with("policy.") || !name.ends_with(ending)) continue;
            auto const stem = name.substr(0, name.size() - std::string("percent").size());
            rises.push_back({model.number(name), model.number(stem + "low_percent"),
                             model.number(stem + "high_percent")});
        }
    }
    return rises;
}

Expectation expect_rise(Trace const& trace, std::string const& policy, double least, double most,
                        std::string const& expected) {
    auto const rises = rises_of(trace, policy);
    if (rises.empty()) return not_run(expected, "assign --strategies " + policy);
    double const infinity = std::numeric_limits<double>::infinity();
    double first = infinity, last = -infinity, low = infinity, high = -infinity;
    bool inside = true, apart = false;
    for (auto const& r : rises) {
        first = std::min(first, r.value_percent), last = std::max(last, r.value_percent);
        low = std::min(low, r.low_percent), high = std::max(high, r.high_percent);
        inside = inside && r.value_percent >= least && r.value_percent <= most;
        apart = apart || r.high_percent < least || r.low_percent > most;
    }
    return {expected,
            rises.size() == 1 ? fmt::format("{:+.1f} %", first)
                              : fmt::format("{:+.1f} to {:+.1f} % over {} texts", first, last, rises.size()),
            fmt::format("{:+.1f} to {:+.1f} %", low, high),
            inside  ? "confirmed"
            : apart ? "not found"
                    : "cannot tell"};
}

// A figure of another command, with its interval where that was kept.
Expectation expect_attribute(Trace const& trace, std::string const& name, double least, double most,
                             std::string const& expected, std::string const& command) {
    for (auto const& model : trace.models) {
        if (!model.has(name)) continue;
        double const value = model.number(name);
        auto const stem = name.substr(0, name.size() - std::string("percent").size());
        bool const bounded = model.has(stem + "low_percent") && model.has(stem + "high_percent");
        double const low = bounded ? model.number(stem + "low_percent") : value;
        double const high = bounded ? model.number(stem + "high_percent") : value;
        return {expected, fmt::format("{:+.1f} %", value),
                bounded ? fmt::format("{:+.1f} to {:+.1f} %", low, high) : "none: one computed value",
                value >= least && value <= most ? "confirmed"
                : high < least || low > most    ? "not found"
                                                : "cannot tell"};
    }
    return not_run(expected, command);
}

// Does the time of a pass grow with what the busiest rank receives? Over all cases of the mode that isolates
// it.
Expectation expect_slope(std::vector<Group> const& groups, Tail tail, std::string const& expected) {
    for (auto const* mode : {"replay", "in_model"}) {
        auto const line = fit_imbalance(case_points(groups, mode, tail));
        if (!line) continue;
        auto const& s = line->slope;
        return {expected,
                fmt::format("{:+.1f} % for each 0.1 of received max/mean ({} cases, {})", 10 * s.value,
                            line->points, mode),
                fmt::format("{:+.1f} to {:+.1f} %", 10 * s.low, 10 * s.high),
                s.low > 0    ? "confirmed"
                : s.high < 0 ? "not found"
                             : "cannot tell"};
    }
    return not_run(expected, "measure --strategies all");
}

// A group in which something can be compared with the baseline.
bool is_compared(Group const& group) {
    return group.baseline() != nullptr && std::count_if(group.cases.begin(), group.cases.end(),
                                                        [](auto const& one) { return one.measured(); }) > 1;
}

Expectation expect_gain(std::vector<Group> const& groups) {
    std::string const expected = "Balanced assignment cuts communication time by 20 to 50 %";
    if (std::none_of(groups.begin(), groups.end(), is_compared))
        return not_run(expected, "measure --strategies contiguous,...");
    Expectation best{expected, "no clear gain by placement", "-", "not found"};
    double most = 0;
    for (auto const& group : groups) {
        auto const* const winner = clear_winner(group);
        if (winner == nullptr) continue;
        auto const ratio = compare(winner->charged_s, group.baseline()->charged_s).ratio;
        if (gain_percent(ratio.value) <= most) continue;
        most = gain_percent(ratio.value);
        double const least = gain_percent(ratio.high), greatest = gain_percent(ratio.low);
        best.found = fmt::format("at most {:.1f} %, {} on {} ({}; placements alone)", most, winner->strategy,
                                 group.dataset, group.mode);
        best.interval = fmt::format("{:.1f} to {:.1f} %", least, greatest);
        best.verdict = least >= 20 ? "confirmed" : greatest >= 20 ? "cannot tell" : "not found";
    }
    return best;
}

}  // namespace

std::vector<Expectation> seed_expectations(Trace const& trace, std::vector<Group> const& groups) {
    double const any = std::numeric_limits<double>::infinity();
    return {expect_gini(trace),
            expect_rise(trace, "balanced", -any, 10, "Balanced assignment: perplexity up by about 5 %"),
            expect_rise(trace, "random", 15, 20, "Random assignment: perplexity up by 15 to 20 %"),
            expect_rise(trace, "round_robin", 5, 60, "Round-robin assignment: perplexity up by about half"),
            expect_attribute(trace, "finetune.gini_change_percent", -40, -20,
                             "Fine-tuning lowers the Gini coefficient by 20 to 40 %", "finetune"),
            expect_attribute(trace, "finetune.perplexity_change_percent", -any, 0,
                             "Fine-tuning keeps perplexity or betters it", "finetune"),
            expect_attribute(trace, "finetune.exchange_change_percent", -any, 0,
                             "Fine-tuning makes communication faster", "finetune"),
            expect_attribute(trace, "seed_study.time_rise_percent", 60, 80,
                             "Simulated: imbalance 0.5 makes the slowest exchange 70 % longer", "simulate"),
            expect_slope(groups, Tail::p50, "Measured: communication time grows with imbalance"),
            expect_slope(groups, Tail::p99, "Tail latency (p99) is highly sensitive to imbalance"),
            expect_gain(groups)};
}

std::vector<std::string> expectation_header() {
    return {"the seed study expects", "found here", "95 % interval", "verdict"};
}

std::vector<std::string> to_row(Expectation const& e) {
    return {e.expected, e.found, e.interval, e.verdict};
}

}  // namespace moewire
