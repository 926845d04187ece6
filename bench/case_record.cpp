#include "bench/case_record.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/show.hpp"
#include "bench/prediction.hpp"
#include "routing/imbalance.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

// What is not usual is named.
std::string case_key(CaseFacts const& f) {
    auto key = fmt::format("{}.{}", f.subject.facts().name, f.text.dataset);
    if (f.text.plan_dataset != f.text.dataset) key += "-from-" + f.text.plan_dataset;
    key += fmt::format(".{}.{}", name_of(f.mode), f.one.label);
    if (f.one.routed->policy != "native") key += "." + f.one.routed->policy;
    if (f.one.payload != "per_expert") key += "." + f.one.payload;
    return safe_name(key);
}

void add_axes(Record& record, CaseFacts const& f) {
    auto const& facts = f.subject.facts();
    auto const& r = f.request;
    bool const replay = f.mode == Mode::replay;
    record.attributes = {
        {"model", facts.name},
        {"synthetic", std::int64_t{facts.is_synthetic}},
        {"dataset", f.text.dataset},
        {"split", f.text.split},
        {"plan_dataset", f.text.plan_dataset},
        {"plan_split", f.text.plan_split},
        {"origin", std::string(f.text.has_model ? "model" : "control")},
        {"mode", name_of(f.mode)},
        {"cadence", replay ? r.cadence : "chained"},
        {"align", std::string(replay && r.cadence == "isolated" ? "barrier before each exchange"
                                                                : "barrier before each pass")},
        {"launch", replay ? r.launch : "eager"},
        {"cache", replay ? r.cache : "warm"},
        {"transport", f.transport},
        {"own_rows", std::string(f.own_rows == ExchangePlan::OwnRows::left ? "left" : "moved")},
        {"clock", std::string(f.subject.memory == MemoryKind::device ? "gpu" : "host")},
        {"delay", r.delay},
        {"dtype", r.subject.dtype},
        {"row_bytes", facts.row_bytes},
        {"top_k", facts.top_k},
        {"experts", std::int64_t{facts.experts}},
        {"tokens_per_rank", f.text.tokens_per_rank()},
        {"batches", static_cast<std::int64_t>(f.text.batches)},
        {"layers", static_cast<std::int64_t>(f.text.layers())},
        {"window_tokens", static_cast<std::int64_t>(f.text.windows.extent(1))},
        {"iterations", r.iterations},
        {"warmups", r.warmups},
        {"seed", static_cast<std::int64_t>(r.seed)},
        {"ranks", std::int64_t{f.one.schedule.plan.ranks()}},
        {"status", std::string(status::predicted)},
        {"predicted_utc", utc_now()}};
}

void add_choice(Record& record, PreparedCase const& one) {
    auto& a = record.attributes;
    a["strategy"] = one.label;
    a["family"] = std::string(name_of(one.family));
    a["knowledge"] = std::string(name_of(one.knowledge));
    a["standing"] = std::string(one.standing == Standing::bound ? "bound" : "strategy");
    a["policy"] = one.routed->policy;
    a["policy_scope"] = std::string(name_of(one.routed->scope));
    a["rerouted_ratio"] = one.routed->rerouted_ratio;
    a["payload"] = one.payload;
    a["plan_digest"] = one.schedule.plan.digest();
    a["plan_s"] = one.plan_s;
    a["moved_expert_bytes"] = one.moved_bytes;
    a["migrated_expert_bytes"] = one.migrated_bytes;
    a["slots_per_rank"] = static_cast<std::int64_t>(
        (one.schedule.plan.slots() + static_cast<std::size_t>(one.schedule.plan.ranks()) - 1) /
        static_cast<std::size_t>(one.schedule.plan.ranks()));
    if (one.schedule.plan.has_replicas()) a["replica_choice"] = one.schedule.plan.rule().choice;
    for (auto const& [name, value] : one.schedule.notes) a["note." + name] = value;
}

// How much of the traffic leaves its host.
void add_hosts(Record& record, CaseFacts const& f) {
    auto const& bytes = f.one.traffic.bytes;
    std::int64_t between = 0, within = 0;
    for (std::size_t layer = 0; layer < bytes.extent(0); ++layer) {
        for (std::size_t from = 0; from < bytes.extent(1); ++from) {
            for (std::size_t to = 0; to < bytes.extent(2); ++to) {
                auto& sum =
                    f.topology.node_of(make_id<RankId>(from)) == f.topology.node_of(make_id<RankId>(to))
                        ? within
                        : between;
                if (from != to) sum += static_cast<std::int64_t>(bytes(layer, from, to));
            }
        }
    }
    record.attributes["bytes_between_nodes"] = between;
    record.attributes["bytes_within_nodes"] = within;
}

// Expert-level imbalance of the test text, beside what chance alone would give.
void add_imbalance(Record& record, CaseFacts const& f) {
    double sum_of_gini = 0, worst = 0;
    std::int64_t above = 0;
    auto const& demand = f.one.routed->test_demand;
    for (LayerId const layer : ids<LayerId>(demand.layers())) {
        auto const gini = imbalance_of(demand.expert_load(layer)).gini;
        sum_of_gini += gini;
        worst = std::max(worst, gini);
        above += gini > 0.3 ? 1 : 0;
    }
    auto const top_k = static_cast<std::int32_t>(f.one.routed->routing.top_k());
    record.attributes["expert_gini_mean"] = sum_of_gini / static_cast<double>(demand.layers());
    record.attributes["expert_gini_worst_layer"] = worst;
    record.attributes["expert_gini_layers_above_0.3"] = above;
    record.attributes["expert_gini_noise_floor"] =
        noise_floor(f.text.tokens_per_rank() * demand.ranks(), demand.experts(), top_k, demand.experts())
            .gini;
}

// What the exchange really moves where own rows stay where they are.
Traffic without_own_rows(Traffic traffic) {
    for (std::size_t layer = 0; layer < traffic.bytes.extent(0); ++layer) {
        for (std::size_t rank = 0; rank < traffic.bytes.extent(1); ++rank)
            traffic.bytes(layer, rank, rank) = 0;
    }
    return traffic;
}

// A random placement is one draw: what other seeds would take, predicted.
void add_spread(Record& record, CaseFacts const& f) {
    if (parse_spec(f.one.strategy).name != "random" || f.one.payload != "per_expert") return;
    auto const model = f.parameters.line ? "line" : "bound";
    Grid<double, 1> predicted_s(f.request.random_seeds);
    for (std::uint64_t seed = 0; seed < predicted_s.size(); ++seed) {
        auto const plan = make_plan("random", {f.one.routed->plan_demand, f.one.schedule.plan.ranks(), seed})
                              .repeated(f.text.batches);
        auto const traffic = traffic_per_expert(f.one.routed->test_demand, plan, f.one.traffic.row_bytes);
        predicted_s(seed) = predicted_total_s(model, traffic, f.topology, f.parameters);
    }
    record.attributes["spread_model"] = std::string(model);
    record.datasets.push_back(make_dataset("spread/predicted_s", "s", {"seed"}, predicted_s));
}

}  // namespace

Record predicted_record(CaseFacts const& f) {
    Record record{place::case_of(case_key(f)), {}, {}};
    add_axes(record, f);
    add_choice(record, f.one);
    add_imbalance(record, f);
    add_hosts(record, f);
    auto const& plan = f.one.schedule.plan;
    std::vector<std::string> const by_expert{"layer", "source_rank", "expert"};
    record.datasets = {
        make_dataset("assignment/expert_of_slot", "1", {"layer", "slot"}, plan.expert_of_slot()),
        make_dataset("assignment/rank_of_slot", "1", {"layer", "slot"}, plan.rank_of_slot()),
        make_dataset("expert_load_tokens", "tokens", by_expert, f.one.routed->test_demand.tokens()),
        make_dataset("plan_load_tokens", "tokens", by_expert, f.one.routed->plan_demand.tokens()),
        make_dataset("traffic_bytes", "bytes", {"layer", "source_rank", "destination_rank"},
                     f.one.traffic.bytes)};
    if (!plan.share_of_slot().empty()) {
        record.datasets.push_back(
            make_dataset("assignment/share_of_slot", "1", {"layer", "slot"}, plan.share_of_slot()));
    }
    add_predictions(
        record, f.own_rows == ExchangePlan::OwnRows::left ? without_own_rows(f.one.traffic) : f.one.traffic,
        f.topology, f.parameters);
    add_spread(record, f);
    return record;
}

}  // namespace moewire
