// What moves, and where to? Steps 2 to 4 of a measured case: route, assign, count.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "assignment/strategy.hpp"
#include "bench/measure_request.hpp"
#include "bench/subject.hpp"
#include "measure/replay.hpp"
#include "system/node_map.hpp"
#include "traffic/traffic.hpp"

namespace moewire {

// A test text's routing under one policy. A control has no policy and no perplexity.
struct PolicyRouting {
    std::string policy = "native";
    std::unique_ptr<ActivePolicy> active;  // frozen; null for native and for controls
    PolicyScope scope = PolicyScope::token;
    Routing routing;                   // of this rank's test windows. Shape: [batch x layer, token, choice]
    Demand plan_demand;                // of all ranks. Shape: [layer, source, expert]
    Demand test_demand;                // of all ranks. Shape: [batch x layer, source, expert]
    Grid<std::int64_t, 3> plan_pairs;  // of all ranks. Shape: [layer, expert, expert]
    double perplexity = 0;             // of all ranks' test windows, first token of each is no target
    double rerouted_ratio = 0;         // choices that the policy took from the router
};

// One strategy, policy and payload on one text.
struct PreparedCase {
    std::string strategy;  // as written, without its family
    std::string label;     // the strategy's, but for the twin
    std::string payload;
    Family family = Family::placement;
    Knowledge knowledge = Knowledge::plan_text;
    Standing standing = Standing::strategy;
    PolicyRouting const* routed = nullptr;
    Schedule schedule;
    Traffic traffic;  // of the test text
    double plan_s = 0;
    std::int64_t moved_bytes = 0;     // expert weights that `contiguous` holds elsewhere, before the text
    std::int64_t migrated_bytes = 0;  // expert weights that move while the text runs
    std::unique_ptr<Replay> replay;
};

// A test text, the text that plans were made from, and all cases on them.
struct PreparedText {
    std::string dataset, plan_dataset;
    std::string split = "test", plan_split = "train";
    bool has_model = true;  // false under a control: nothing but a replay can run
    std::size_t batches = 1;
    Grid<std::int32_t, 2> windows;  // this rank's test windows, batch after batch. Shape: [window, position]
    std::vector<std::unique_ptr<PolicyRouting>> routed;  // one a policy
    std::vector<PreparedCase> cases;

    std::int64_t tokens_per_rank() const {  // in one batch
        return static_cast<std::int64_t>(routed.front()->routing.tokens());
    }
    std::size_t layers() const { return routed.front()->plan_demand.layers(); }
    Grid<std::int32_t, 2> windows_of(std::size_t batch) const;
};

struct PreparationSetting {
    Context const& context;
    Subject& subject;
    PlainParallel const& parallel;
    Exchange& exchange;
    NodeMap const& nodes;
    MeasureRequest const& request;
    std::shared_ptr<ExchangeBuffers> buffers;  // of all replays
};

// Collective: all ranks. The model routes plan text and test text (both expert-parallel, experts contiguous)
// under every policy; every strategy plans from the plan text's demand; byte counts of the test text are
// checked against what the exchange will carry. Throws on all ranks.
PreparedText prepare_text(PreparationSetting const& setting, std::string const& dataset,
                          std::string const& plan_dataset);

// The strategies, policies and payloads that a request names, checked. Throws: usage.
std::vector<std::string> strategies_of(MeasureRequest const& request);

}  // namespace moewire
