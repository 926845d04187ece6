#include "report/baseline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/error.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

bool is_throughput(std::string const& name) {
    return name.starts_with("tokens_");
}

Figure figure(std::string const& key, char const* name, Quantile const& q) {
    return {key, name, q.value, q.low, q.high, q.samples, q.bounded};
}

// Tokens of all ranks over a time.
Figure tokens_over(std::string const& key, char const* name, double tokens, Quantile const& time) {
    return {key,          name,        tokens / time.value, tokens / time.high, tokens / time.low,
            time.samples, time.bounded};
}

double tokens_of_pass(Record const& record) {
    for (auto const* name : {"tokens_per_rank", "ranks"}) {
        if (!record.has(name)) return 0;
    }
    auto const batches = record.has("batches") ? record.integer("batches") : 1;
    return static_cast<double>(record.integer("tokens_per_rank") * record.integer("ranks") * batches);
}

double log_half(double nearer, double further) {
    return nearer > 0 && further > 0 ? std::abs(std::log(further / nearer)) : 0;
}

void judge_one(BaselineRow& row, Tolerances const& tolerances) {
    bool const turned = is_throughput(row.kept.quantity);
    auto const &a = row.found, &b = row.kept;
    row.tolerance = turned ? tolerances.throughput : tolerances.latency;
    double const up = std::hypot(log_half(a.value, a.high), log_half(b.value, b.low));
    double const down = std::hypot(log_half(a.value, a.low), log_half(b.value, b.high));
    double const cost = turned ? b.value / a.value : a.value / b.value;
    row.cost = cost;
    row.cost_low = cost * std::exp(-(turned ? up : down));
    row.cost_high = cost * std::exp(turned ? down : up);
    double const most = 1 + row.tolerance, least = 1 / most;
    row.change = Change::cannot_tell;
    if (!a.bounded || !b.bounded) return;
    if (row.cost_low > most)
        row.change = Change::worse;
    else if (row.cost_high < least)
        row.change = Change::better;
    else if (row.cost_low >= least && row.cost_high <= most)
        row.change = Change::same;
}

std::string why_missing(Trace const& trace, std::string const& key) {
    for (auto const& record : trace.cases) {
        if (place::key_of(record.path) != key) continue;
        auto const state = record.text("status");
        if (state == status::ok) return "it has no such figure";
        return record.has("reason") ? state + ": " + record.text("reason") : state;
    }
    return "not in this run";
}

}  // namespace

Quantities quantities_of(std::string const& word) {
    if (word == "all") return Quantities::all;
    if (word == "ratios") return Quantities::ratios;
    if (word == "times") return Quantities::times;
    throw usage_error(fmt::format("--quantities '{}' is unknown; use all, ratios or times", word));
}

std::vector<Figure> figures_of(Trace const& trace, std::vector<Group> const& groups, Quantities which) {
    std::map<std::string, double> tokens;
    for (auto const& record : trace.cases) tokens[place::key_of(record.path)] = tokens_of_pass(record);
    std::vector<Figure> figures;
    for (auto const& group : groups) {
        auto const* const baseline = group.baseline();
        for (auto const& one : group.cases) {
            if (!one.measured()) continue;
            if (which != Quantities::ratios) {
                figures.push_back(figure(one.key, quantity::exchange_s, one.p50));
                if (tokens[one.key] > 0)
                    figures.push_back(
                        tokens_over(one.key, quantity::tokens_per_s, tokens[one.key], one.pass_p50));
            }
            if (which == Quantities::times || baseline == nullptr || &one == baseline) continue;
            figures.push_back(
                figure(one.key, quantity::exchange_ratio, compare(one.charged_s, baseline->charged_s).ratio));
            figures.push_back(
                tokens_over(one.key, quantity::tokens_ratio, 1, compare(one.pass_s, baseline->pass_s).ratio));
        }
    }
    std::sort(figures.begin(), figures.end(), [](Figure const& a, Figure const& b) {
        return std::tie(a.key, a.quantity) < std::tie(b.key, b.quantity);
    });
    return figures;
}

char const* name_of(Change change) {
    constexpr std::array names{"better", "same", "worse", "cannot tell", "missing"};
    return names.at(static_cast<std::size_t>(change));
}

std::vector<BaselineRow> judge(std::vector<Figure> const& kept, std::vector<Figure> const& found,
                               Trace const& trace, Tolerances const& tolerances) {
    std::vector<BaselineRow> rows;
    for (auto const& old : kept) {
        auto& row = rows.emplace_back();
        row.kept = old;
        auto const now = std::find_if(found.begin(), found.end(), [&](Figure const& f) {
            return f.key == old.key && f.quantity == old.quantity;
        });
        if (now == found.end()) {
            row.why = why_missing(trace, old.key);
            continue;
        }
        row.found = *now;
        judge_one(row, tolerances);
    }
    return rows;
}

std::size_t count_failures(std::vector<BaselineRow> const& rows) {
    return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [](BaselineRow const& row) {
        return row.change == Change::worse || row.change == Change::missing;
    }));
}

std::string say_changes(std::vector<BaselineRow> const& rows) {
    std::string text;
    for (auto const change :
         {Change::better, Change::same, Change::worse, Change::cannot_tell, Change::missing}) {
        auto const n =
            std::count_if(rows.begin(), rows.end(), [&](auto const& row) { return row.change == change; });
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", n, name_of(change));
    }
    return fmt::format("{} figures of the baseline: {}", rows.size(), text);
}

}  // namespace moewire
