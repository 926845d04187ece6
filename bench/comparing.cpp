#include "bench/comparing.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/show.hpp"
#include "base/statistics.hpp"
#include "report/simple_rules.hpp"
#include "trace/schema.hpp"
#include "traffic/traffic.hpp"

namespace moewire {
namespace {

constexpr std::string_view own_name = "calibrated";

std::string size_class(double bytes) {
    if (bytes <= 0) return "nothing";
    double const low = std::exp2(2 * std::floor(std::log2(bytes) / 2));
    return fmt::format("{} .. {}", show_bytes(low), show_bytes(4 * low));
}

std::string skew_class(double skew) {
    if (skew < 1.1) return "even (< 1.1)";
    if (skew < 1.5) return "mild (< 1.5)";
    return skew < 2.5 ? "skewed (< 2.5)" : "hot (2.5 and more)";
}

double skew_of(Grid<std::uint64_t, 2> const& bytes) {
    auto const load = port_load(bytes);
    double sum = 0;
    for (auto const b : load.in_bytes) sum += static_cast<double>(b);
    double const mean = sum / static_cast<double>(load.in_bytes.size());
    return mean > 0 ? static_cast<double>(load.busiest_bytes()) / mean : 1;
}

std::vector<std::string> models_of(Record const& record) {
    std::vector<std::string> names;
    std::string const prefix = "predicted/dispatch/", suffix = "_bound_s";
    for (auto const& dataset : record.datasets) {
        if (dataset.name.starts_with(prefix) && dataset.name.ends_with(suffix))
            names.push_back(
                dataset.name.substr(prefix.size(), dataset.name.size() - prefix.size() - suffix.size()));
    }
    return names;
}

// The slowest rank of every iteration.
std::vector<double> slowest(Grid<double, 3> const& samples, std::size_t layer) {
    std::vector<double> most;
    for (std::size_t i = 0; i < samples.extent(0); ++i) {
        auto const row = samples.row(i, layer);
        most.push_back(*std::max_element(row.begin(), row.end()));
    }
    return most;
}

void add_direction(Record const& record, std::string const& direction,
                   std::vector<UniformPoint> const& uniform, TraceComparison& comparison) {
    auto const samples = to_grid<double, 3>(record.at("measured/" + direction + "_transfer_s"));
    auto const traffic = to_grid<std::uint64_t, 3>(record.at("traffic_bytes"));
    auto const read = [&](std::string const& name) {
        auto const* found = record.find("predicted/" + direction + "/" + name);
        return found == nullptr ? std::vector<double>{} : to_grid<double, 1>(*found).values();
    };
    auto const bound_s = read("bound_s"), p99_s = read(comparison.model + "_p99_s");
    for (std::size_t layer = 0; layer < samples.extent(1); ++layer) {
        auto const bytes = bytes_of_exchange(traffic, layer, direction);
        ComparedExchange e;
        e.case_key = place::key_of(record.path);
        e.strategy = record.text("strategy");
        e.dataset = record.text("dataset");
        e.mode = record.text("mode");
        e.direction = direction;
        e.layer = layer;
        e.busiest_bytes = static_cast<double>(port_load(bytes).busiest_bytes());
        e.skew = skew_of(bytes);
        e.size_class = size_class(e.busiest_bytes);
        e.skew_class = skew_class(e.skew);
        auto const most_s = slowest(samples, layer);
        e.measured_s = median(most_s);
        e.measured_p99_s = percentile(most_s, 0.99);
        if (!p99_s.empty()) e.predicted_p99_s = p99_s[layer];
        for (auto const& model : models_of(record)) {
            Scored const scored{read(model + "_s")[layer], read(model + "_low_s")[layer],
                                read(model + "_high_s")[layer], e.measured_s};
            if (scored.predicted_s > 0) e.of_model[model] = scored;
        }
        for (auto const& [rule, time_s] : simple_rules(bytes, uniform, bound_s.empty() ? 0 : bound_s[layer]))
            e.of_model[rule] = {time_s, time_s, time_s, e.measured_s};
        comparison.exchanges.push_back(std::move(e));
    }
}

std::vector<Choice> choices_of(TraceComparison const& comparison) {
    using Key = std::tuple<std::string, std::string>;
    std::map<Key, std::map<std::string, std::pair<double, std::map<std::string, double>>>> groups;
    for (auto const& e : comparison.exchanges) {
        auto& [measured_s, predicted_s] = groups[{e.dataset, e.mode}][e.case_key];
        measured_s += e.measured_s;
        for (auto const& [model, scored] : e.of_model) predicted_s[model] += scored.predicted_s;
    }
    std::vector<Choice> all;
    for (auto const& [key, cases] : groups) {
        if (cases.size() < 2) continue;
        Choice choice{std::get<0>(key) + ", " + std::get<1>(key), {}, {}, {}};
        for (auto const& [name, sums] : cases) {
            choice.strategies.push_back(name);
            choice.measured_s.push_back(sums.first);
            for (auto const& [model, time_s] : sums.second) choice.predicted_s[model].push_back(time_s);
        }
        std::erase_if(choice.predicted_s, [&](auto const& one) { return one.second.size() != cases.size(); });
        all.push_back(std::move(choice));
    }
    return all;
}

}  // namespace

TraceComparison compare_trace(Trace const& trace, std::optional<FrozenCalibration> const& frozen,
                              std::string const& file) {
    if (frozen) {
        if (!trace.calibration.has("frozen_elsewhere"))
            expect_same_keys(frozen->keys, keys_of(trace.root, trace.topology), file);
        if (!trace.calibration.has("frozen_digest") ||
            trace.calibration.text("frozen_digest") != digest_of(*frozen)) {
            throw input_error(
                "compare",
                fmt::format("{} was not predicted by {} (what is fitted afterwards is no prediction); "
                            "measure with --calibration {}",
                            trace.path.string(), file, file));
        }
    }
    TraceComparison comparison;
    auto const kept = trace.calibration.has("frozen")
                          ? std::optional(thaw(trace.calibration.text("frozen"), trace.path.string()))
                          : std::nullopt;
    comparison.model = kept ? std::string(own_name) : "line";
    if (trace.calibration.has("frozen_elsewhere"))
        comparison.elsewhere = trace.calibration.text("frozen_elsewhere");
    auto const uniform = uniform_points(trace, kept);
    for (auto const& record : trace.cases) {
        if (record.text("status") != status::ok) continue;
        if (record.text("predicted_utc") > record.text("measured_utc")) {
            throw input_error("compare",
                              fmt::format("{}: {} was predicted after it was measured (nothing is proved by "
                                          "that); measure again",
                                          trace.path.string(), record.path));
        }
        for (auto const* direction : {"dispatch", "combine"})
            add_direction(record, direction, uniform, comparison);
    }
    std::set<std::string> names;
    for (auto const& e : comparison.exchanges) {
        for (auto const& [name, scored] : e.of_model) names.insert(name);
    }
    names.erase(comparison.model);
    comparison.models.assign(names.begin(), names.end());
    comparison.models.insert(comparison.models.begin(), comparison.model);
    if (accuracy_of_model(comparison, comparison.model).points == 0) {
        throw input_error("compare",
                          fmt::format("{}: nothing was predicted by '{}' and measured (there is nothing to "
                                      "compare); measure over several ranks",
                                      trace.path.string(), comparison.model));
    }
    comparison.choices = choices_of(comparison);
    return comparison;
}

TraceComparison joined(std::vector<TraceComparison> runs) {
    auto all = std::move(runs.front());
    for (auto run = runs.begin() + 1; run != runs.end(); ++run) {
        if (run->elsewhere.empty() != all.elsewhere.empty()) {
            throw input_error(
                "compare",
                "one run was predicted by a calibration of its own machine, another by one that "
                "was carried over (their errors are not of one kind); compare them one by one");
        }
        if (run->model != all.model) {
            throw input_error(
                "compare",
                fmt::format("one run was predicted by '{}', another by '{}' (their errors are not of "
                            "one model); compare them one by one",
                            all.model, run->model));
        }
        std::move(run->exchanges.begin(), run->exchanges.end(), std::back_inserter(all.exchanges));
        std::move(run->choices.begin(), run->choices.end(), std::back_inserter(all.choices));
        for (auto const& name : run->models) {
            if (std::find(all.models.begin(), all.models.end(), name) == all.models.end())
                all.models.push_back(name);
        }
    }
    return all;
}

Accuracy accuracy_of_model(TraceComparison const& comparison, std::string const& model) {
    std::vector<Scored> pairs;
    for (auto const& e : comparison.exchanges) {
        if (auto const found = e.of_model.find(model); found != e.of_model.end())
            pairs.push_back(found->second);
    }
    return accuracy_of(pairs);
}

double mean_regret(TraceComparison const& comparison, std::string const& model) {
    std::vector<double> all;
    for (auto const& choice : comparison.choices) {
        if (auto const found = choice.predicted_s.find(model); found != choice.predicted_s.end())
            all.push_back(decision_regret(found->second, choice.measured_s));
    }
    return all.empty() ? 0 : mean(all);
}

double mean_tau(TraceComparison const& comparison, std::string const& model) {
    std::vector<double> all;
    for (auto const& choice : comparison.choices) {
        if (auto const found = choice.predicted_s.find(model); found != choice.predicted_s.end())
            all.push_back(kendall_tau(found->second, choice.measured_s));
    }
    return all.empty() ? 0 : mean(all);
}

double p99_error(TraceComparison const& comparison) {
    std::vector<double> errors;
    for (auto const& e : comparison.exchanges) {
        if (e.predicted_p99_s > 0) errors.push_back(std::abs(e.predicted_p99_s / e.measured_p99_s - 1));
    }
    return errors.empty() ? 0 : median(errors);
}

}  // namespace moewire
