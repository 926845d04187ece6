#include "report/summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <tuple>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "report/ranking.hpp"
#include "report/scores.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

constexpr std::array directions{"dispatch", "combine"};

using Reduce = std::function<double(std::span<double const>)>;

double largest(std::span<double const> values) {
    return *std::max_element(values.begin(), values.end());
}
double least(std::span<double const> values) {
    return *std::min_element(values.begin(), values.end());
}

// Over ranks first, by `reduce`, then summed over layers and directions. Shape: [iteration].
std::vector<double> per_iteration(Record const& record, std::string const& quantity, Reduce const& reduce) {
    std::vector<double> sums;
    for (auto const* direction : directions) {
        auto const samples =
            to_grid<double, 3>(record.at(std::string("measured/") + direction + "_" + quantity));
        sums.resize(samples.extent(0));
        for (std::size_t i = 0; i < samples.extent(0); ++i) {
            for (std::size_t l = 0; l < samples.extent(1); ++l) sums[i] += reduce(samples.row(i, l));
        }
    }
    return sums;
}

void add_traffic(Record const& record, CaseSummary& summary) {
    auto const bytes = to_grid<std::uint64_t, 3>(record.at("traffic_bytes"));
    auto const ranks = bytes.extent(1);
    double sum_of_ratios = 0;
    for (std::size_t l = 0; l < bytes.extent(0); ++l) {
        std::vector<double> received(ranks);
        std::vector<std::uint64_t> out(ranks), in(ranks);
        for (std::size_t s = 0; s < ranks; ++s) {
            for (std::size_t d = 0; d < ranks; ++d) {
                auto const b = bytes(l, s, d);
                summary.total_bytes += b;
                received[d] += static_cast<double>(b);
                if (s != d) out[s] += b, in[d] += b;
            }
        }
        double const ratio = mean(received) > 0 ? largest(received) / mean(received) : 1;
        sum_of_ratios += ratio;
        summary.layer_max_over_mean.push_back(ratio);
        summary.worst_layer_max_over_mean = std::max(summary.worst_layer_max_over_mean, ratio);
        summary.busiest_bytes +=
            std::max(*std::max_element(out.begin(), out.end()), *std::max_element(in.begin(), in.end()));
    }
    summary.rank_max_over_mean = sum_of_ratios / static_cast<double>(bytes.extent(0));
}

// What traces of schema 1.0 do not say is the usual.
void add_choice(Record const& record, CaseSummary& summary) {
    if (record.has("policy")) summary.policy = record.text("policy");
    if (record.has("policy_scope")) summary.policy_scope = record.text("policy_scope");
    if (record.has("payload")) summary.payload = record.text("payload");
    if (record.has("standing")) summary.is_bound = record.text("standing") == "bound";
    if (record.has("rerouted_ratio")) summary.rerouted_ratio = record.number("rerouted_ratio");
    if (record.has("plan_s")) summary.plan_s = record.number("plan_s");
    if (record.has("migrated_expert_bytes")) summary.migrated_bytes = record.integer("migrated_expert_bytes");
    if (record.find("spread/predicted_s") == nullptr) return;
    summary.spread_s = to_grid<double, 1>(record.at("spread/predicted_s")).values();
    std::sort(summary.spread_s.begin(), summary.spread_s.end());
    summary.spread_model = record.text("spread_model");
}

void add_measured(Record const& record, CaseSummary& summary) {
    summary.exchange_s = per_iteration(record, "transfer_s", largest);
    summary.wait_s = per_iteration(record, "wait_s", largest);
    summary.least_rank_p50_s = median(per_iteration(record, "transfer_s", least));
    auto const pass = to_grid<double, 2>(record.at("measured/iteration_host_s"));
    for (std::size_t i = 0; i < pass.extent(0); ++i) summary.pass_s.push_back(largest(pass.row(i)));
    summary.charged_s = summary.exchange_s;
    if (record.find("measured/migration_transfer_s") != nullptr) {
        auto const moved = to_grid<double, 3>(record.at("measured/migration_transfer_s"));
        for (std::size_t i = 0; i < moved.extent(0); ++i) {
            double& total_s = summary.migration_s.emplace_back(0);
            for (std::size_t l = 0; l < moved.extent(1); ++l) total_s += largest(moved.row(i, l));
            summary.charged_s[i] += total_s;
        }
    }
    summary.p50 = quantile(summary.charged_s, 0.50);
    summary.p95 = quantile(summary.charged_s, 0.95);
    summary.p99 = quantile(summary.charged_s, 0.99);
    summary.pass_p50 = quantile(summary.pass_s, 0.50);
    summary.binding = binding_of(record);
    summary.lateness = lateness_of(record);
    summary.layer_p50_s = layer_medians(record, directions[0]);
    auto const back_s = layer_medians(record, directions[1]);
    for (std::size_t l = 0; l < back_s.size(); ++l) summary.layer_p50_s[l] += back_s[l];
    summary.models = scores_of(record);
}

}  // namespace

CaseSummary summarise(Record const& record) {
    CaseSummary summary;
    summary.key = place::key_of(record.path);
    summary.strategy = record.text("strategy");
    summary.dataset = record.text("dataset");
    summary.plan_dataset = record.text("plan_dataset");
    summary.mode = record.text("mode");
    summary.model = record.text("model");
    summary.status = record.text("status");
    if (record.has("reason")) summary.reason = record.text("reason");
    if (record.has("perplexity")) summary.perplexity = record.number("perplexity");
    add_choice(record, summary);
    if (record.find("traffic_bytes") != nullptr) add_traffic(record, summary);
    if (summary.status != status::ok) return summary;
    add_measured(record, summary);
    for (auto const* direction : directions) {
        auto const* const bound = record.find(std::string("predicted/") + direction + "/bound_s");
        if (bound != nullptr) summary.bound_s += sum(to_grid<double, 1>(*bound).values());
    }
    return summary;
}

Comparison compare(std::vector<double> const& a, std::vector<double> const& b) {
    MOEWIRE_EXPECT(a.size() == b.size() && !a.empty());
    std::vector<double> ratios;
    for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
    Comparison result{quantile(ratios, 0.5), Verdict::cannot_tell};
    if (result.ratio.bounded && result.ratio.high < 1) result.verdict = Verdict::faster;
    if (result.ratio.bounded && result.ratio.low > 1) result.verdict = Verdict::slower;
    return result;
}

std::string CaseSummary::label() const {
    auto text = strategy;
    if (policy != "native") text += " + " + policy;
    if (payload != "per_expert") text += " (" + payload + ")";
    return text;
}

CaseSummary const* Group::find(std::string const& strategy, std::string const& policy,
                               std::string const& payload) const {
    auto const found = std::find_if(cases.begin(), cases.end(), [&](CaseSummary const& c) {
        return c.measured() && c.strategy == strategy && c.policy == policy && c.payload == payload;
    });
    return found == cases.end() ? nullptr : &*found;
}

CaseSummary const* Group::baseline() const {
    return find("contiguous", "native", "per_expert");
}

CaseSummary const* Group::twin() const {
    return find("contiguous_twin", "native", "per_expert");
}

CaseSummary const* Group::fastest() const {
    CaseSummary const* best = nullptr;
    for (auto const& one : cases) {
        if (!one.measured() || one.is_bound || !one.is_usual() || &one == twin()) continue;
        if (best == nullptr || one.p50.value < best->p50.value) best = &one;
    }
    return best;
}

std::vector<Group> group_cases(Trace const& trace) {
    std::map<std::tuple<std::string, std::string, std::string, std::string>, Group> groups;
    auto const uniform = uniform_points(trace);
    for (auto const& record : trace.cases) {
        auto summary = summarise(record);
        if (summary.measured()) summary.models.merge(rule_scores_of(record, uniform));
        auto& group = groups[{summary.model, summary.dataset, summary.plan_dataset, summary.mode}];
        group.model = summary.model;
        group.dataset = summary.dataset;
        group.plan_dataset = summary.plan_dataset;
        group.mode = summary.mode;
        group.cases.push_back(std::move(summary));
    }
    std::vector<Group> sorted;
    for (auto& [key, group] : groups) {
        set_chances(group.cases);
        sorted.push_back(std::move(group));
    }
    // Replay first: the exchanges alone, before they are mixed with the model's own work.
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](Group const& a, Group const& b) { return a.mode > b.mode; });
    return sorted;
}

}  // namespace moewire
