#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/show.hpp"
#include "base/statistics.hpp"
#include "bench/comparing.hpp"

namespace moewire {
namespace {

std::vector<std::string> cells(std::string name, Accuracy const& a) {
    bool const has_interval = a.width > 0;
    return {std::move(name),
            std::to_string(a.points),
            show_percent(a.mape),
            show_percent(a.median_error),
            show_percent(a.p95_error),
            show_percent(a.max_error),
            fmt::format("{:+.1f} %", 100 * a.bias),
            has_interval ? show_percent(a.coverage) : "-",
            has_interval ? show_percent(a.width) : "-"};
}

std::vector<std::string> const header{"n", "MAPE", "median", "p95", "max", "bias", "in interval", "width"};

std::vector<std::string> header_with(std::string first, std::vector<std::string> const& more = {}) {
    std::vector<std::string> all{std::move(first)};
    all.insert(all.end(), header.begin(), header.end());
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

}  // namespace

std::string model_table(TraceComparison const& c) {
    Table table(header_with("model", {"tau", "regret"}));
    for (auto const& model : c.models) {
        auto row = cells(model, accuracy_of_model(c, model));
        bool const chooses = !c.choices.empty();
        row.push_back(chooses ? fmt::format("{:.2f}", mean_tau(c, model)) : "-");
        row.push_back(chooses ? show_percent(mean_regret(c, model)) : "-");
        table.add(row);
    }
    return table.text(TableStyle::plain);
}

namespace {

std::string class_table(TraceComparison const& c, std::string const& title,
                        std::function<std::string(ComparedExchange const&)> const& class_of) {
    std::map<std::string, std::vector<Scored>> classes;
    for (auto const& e : c.exchanges) {
        if (auto const found = e.of_model.find(c.model); found != e.of_model.end())
            classes[class_of(e)].push_back(found->second);
    }
    Table table(header_with(title));
    for (auto const& [name, pairs] : classes) table.add(cells(name, accuracy_of(pairs)));
    return "\n" + table.text(TableStyle::plain);
}

Json json_of(Accuracy const& a) {
    return {{"points", a.points},       {"mape", a.mape},           {"median_error", a.median_error},
            {"p95_error", a.p95_error}, {"max_error", a.max_error}, {"bias", a.bias},
            {"log_rmse", a.log_rmse},   {"coverage", a.coverage},   {"width", a.width}};
}

}  // namespace

std::string comparison_text(TraceComparison const& c) {
    std::string text;
    if (!c.elsewhere.empty())
        text = fmt::format("predicted by a calibration made elsewhere (evidence: transferred): {}\n\n",
                           c.elsewhere);
    text += model_table(c);
    text += class_table(c, "busiest port", [](auto const& e) { return e.size_class; });
    text += class_table(c, "busiest / mean port", [](auto const& e) { return e.skew_class; });
    text += class_table(c, "strategy", [](auto const& e) { return e.strategy; });
    text += class_table(c, "layer", [](auto const& e) { return fmt::format("{:3}", e.layer); });
    text += class_table(c, "direction", [](auto const& e) { return e.direction; });
    text += class_table(c, "mode", [](auto const& e) { return e.mode; });
    if (p99_error(c) > 0)
        text += fmt::format("\np99 of the slowest rank: median error {} of single exchanges\n",
                            show_percent(p99_error(c)));
    return text +
           "error: predicted / measured - 1 of one exchange's median over iterations, the slowest rank; "
           "bias: its "
           "mean;\nregret: what choosing the strategy by the prediction costs; tau: Kendall's, over "
           "strategies\n";
}

std::string comparison_json(TraceComparison const& c) {
    Json json{{"model", c.model},
              {"made_elsewhere", c.elsewhere},
              {"models", Json::object()},
              {"p99_error", p99_error(c)}};
    for (auto const& model : c.models) {
        auto& one = json["models"][model] = json_of(accuracy_of_model(c, model));
        one["kendall_tau"] = mean_tau(c, model);
        one["decision_regret"] = mean_regret(c, model);
    }
    auto& rows = json["exchanges"] = Json::array();
    for (auto const& e : c.exchanges) {
        Json predicted = Json::object();
        for (auto const& [model, s] : e.of_model)
            predicted[model] = {{"s", s.predicted_s}, {"low_s", s.low_s}, {"high_s", s.high_s}};
        rows.push_back({{"case", e.case_key},
                        {"strategy", e.strategy},
                        {"dataset", e.dataset},
                        {"mode", e.mode},
                        {"direction", e.direction},
                        {"layer", e.layer},
                        {"busiest_bytes", e.busiest_bytes},
                        {"skew", e.skew},
                        {"measured_s", e.measured_s},
                        {"measured_p99_s", e.measured_p99_s},
                        {"predicted_p99_s", e.predicted_p99_s},
                        {"predicted", predicted}});
    }
    return to_text(json);
}

std::string judge_time(TraceComparison const& c, double bytes, double time_s) {
    ComparedExchange const* nearest = nullptr;
    double least = INFINITY;
    for (auto const& e : c.exchanges) {
        double const distance = std::abs(std::log((e.busiest_bytes + 1) / (bytes + 1)));
        if (e.of_model.contains(c.model) && distance < least) least = distance, nearest = &e;
    }
    if (least > std::log(2.0)) {
        return fmt::format(
            "{} for {}: cannot tell (the nearest exchange of the trace carries {}); measure that size\n",
            show_seconds(time_s), show_bytes(bytes), show_bytes(nearest->busiest_bytes));
    }
    auto const& s = nearest->of_model.at(c.model);
    char const* const verdict = time_s > s.high_s  ? "slower than normal"
                                : time_s < s.low_s ? "faster than normal"
                                                   : "normal";
    return fmt::format(
        "{} for {} at the busiest port: {} (predicted {}, 90 % within {} .. {}; the nearest exchange of the "
        "trace carries {})\n",
        show_seconds(time_s), show_bytes(bytes), verdict, show_seconds(s.predicted_s), show_seconds(s.low_s),
        show_seconds(s.high_s), show_bytes(nearest->busiest_bytes));
}

std::vector<std::string> missed_gates(TraceComparison const& c, CompareGates const& gates) {
    std::vector<std::string> missed;
    auto const a = accuracy_of_model(c, c.model);
    auto const at_most = [&](std::optional<double> limit, double value, char const* name) {
        if (limit && !(value <= *limit))
            missed.push_back(
                fmt::format("{} is {}, above {}", name, show_percent(value), show_percent(*limit)));
    };
    at_most(gates.mape, a.mape, "MAPE");
    at_most(gates.p95, a.p95_error, "p95 error");
    at_most(gates.bias, std::abs(a.bias), "|bias|");
    at_most(gates.most_coverage, a.coverage, "coverage");
    at_most(gates.regret, mean_regret(c, c.model), "regret");
    if (gates.least_coverage && a.coverage < *gates.least_coverage) {
        missed.push_back(fmt::format("coverage is {}, below {}", show_percent(a.coverage),
                                     show_percent(*gates.least_coverage)));
    }
    return missed;
}

}  // namespace moewire
