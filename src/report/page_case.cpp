#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "report/inside.hpp"
#include "report/page_data.hpp"
#include "report/timeline.hpp"

namespace moewire::page {
namespace {

std::string text_or(Record const& record, std::string const& name, std::string const& otherwise) {
    return record.has(name) ? to_text(record.attributes.at(name)) : otherwise;
}

// What a layer exchanges, in words: cases of equal shape compare.
std::string shape_of(Record const& record) {
    auto text = fmt::format("{} tokens a rank, {} ranks, {} experts, top {}, {} B a row",
                            text_or(record, "tokens_per_rank", "?"), text_or(record, "ranks", "?"),
                            text_or(record, "experts", "?"), text_or(record, "top_k", "?"),
                            text_or(record, "row_bytes", "?"));
    auto const batches = text_or(record, "batches", "1");
    return batches == "1" ? text : text + ", " + batches + " batches";
}

Json with_verdict(Comparison const& compared) {
    constexpr std::array verdicts{"faster", "slower", "cannot tell"};
    auto json = to_json(compared.ratio);
    json.push_back(verdicts.at(static_cast<std::size_t>(compared.verdict)));
    return json;
}

void add_identity(Json& json, Run const& run, CaseSummary const& one, Record const& record) {
    json["key"] = one.key;
    json["model"] = one.model;
    json["text"] = one.dataset;
    json["plan"] = one.plan_dataset;
    json["mode"] = one.mode;
    json["strategy"] = one.strategy;
    json["policy"] = one.policy;
    json["payload"] = one.payload;
    json["label"] = one.label();
    json["transport"] = text_or(record, "transport", text_or(run.trace.root, "transport", "?"));
    json["shape"] = shape_of(record);
    json["clock"] = text_or(record, "clock", "host");
    json["status"] = one.status;
    json["reason"] = one.reason;
    json["is_bound"] = one.is_bound;
    json["is_usual"] = one.is_usual();
}

void add_steps(Json& json, Record const& record) {
    for (auto const& time : step_times(record)) json["steps"].push_back({time.step, rounded(time.p50_s)});
    for (auto const& one : additions_of(record)) {
        auto const interval =
            one.interval ? Json{rounded(one.interval->first), rounded(one.interval->second)} : Json(nullptr);
        json["additions"].push_back({one.what, one.to, rounded(one.ratio), interval});
    }
}

void add_measured(Json& json, CaseSummary const& one, CaseSummary const* baseline) {
    json["p50"] = to_json(one.p50);
    json["p95"] = to_json(one.p95);
    json["p99"] = to_json(one.p99);
    json["pass"] = to_json(one.pass_p50);
    json["wait_p50_s"] = rounded(median(one.wait_s));
    json["bound_s"] = rounded(one.bound_s);
    json["chance"] = one.is_bound ? Json(nullptr) : rounded(one.chance_of_fastest);
    json["against"] = baseline == nullptr || baseline == &one
                          ? Json(nullptr)
                          : with_verdict(compare(one.charged_s, baseline->charged_s));
    json["migration_p50_s"] = one.migration_s.empty() ? Json(nullptr) : rounded(median(one.migration_s));
    json["layer_ratio"] = rounded(one.layer_max_over_mean);
    json["layer_p50_s"] = rounded(one.layer_p50_s);
    json["binding"] = {one.binding.rank, rounded(one.binding.share), one.binding.resource};
}

}  // namespace

Json rounded(double value) {
    if (!std::isfinite(value)) return nullptr;
    return std::stod(fmt::format("{:.5g}", value));
}

Json rounded(std::vector<double> const& values) {
    Json array = Json::array();
    for (double const value : values) array.push_back(rounded(value));
    return array;
}

Json to_json(Quantile const& q) {
    auto const end = [&](double value) { return q.bounded ? rounded(value) : Json(nullptr); };
    return {rounded(q.value), end(q.low), end(q.high), q.samples};
}

void add_timeline(Json& json, Record const& record) {
    if (!has_timeline(record)) return;
    auto const timeline = read_timeline(record);
    std::vector<std::string> names;
    Json spans = Json::array();
    auto const us = [](double seconds) { return std::round(seconds * 1e7) / 10; };
    for (auto const& span : timeline.spans) {
        auto const found = std::find(names.begin(), names.end(), span.step);
        auto const step = static_cast<std::size_t>(found - names.begin());
        if (found == names.end()) names.push_back(span.step);
        spans.push_back({step, span.layer, span.rank, us(span.start_s),
                         us(span.is_exchange ? span.moves_s : span.start_s), us(span.end_s)});
    }
    json["timeline"] = {{"iteration", timeline.iteration}, {"steps", names}, {"spans_us", std::move(spans)}};
}

Json case_json(Run const& run, CaseSummary const& one, CaseSummary const* baseline, Record const& record,
               Pool& pool) {
    Json json;
    add_identity(json, run, one, record);
    json["max_over_mean"] = rounded(one.rank_max_over_mean);
    json["port_bytes"] = one.busiest_bytes;
    json["total_bytes"] = one.total_bytes;
    json["perplexity"] = one.perplexity > 0 ? Json(one.perplexity) : Json(nullptr);
    json["rerouted"] = rounded(one.rerouted_ratio);
    json["plan_s"] = rounded(one.plan_s);
    json["migrated_bytes"] = one.migrated_bytes;
    add_traffic(json, record, pool);
    add_load(json, record, pool);
    add_exchanges(json, record);
    if (!one.measured()) return json;
    add_measured(json, one, baseline);
    add_samples(json, record);
    add_steps(json, record);
    add_timeline(json, record);
    return json;
}

}  // namespace moewire::page
