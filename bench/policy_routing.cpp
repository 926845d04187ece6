#include "bench/policy_routing.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "bench/places.hpp"
#include "measure/gather.hpp"
#include "model/scoring.hpp"
#include "routing/co_activation.hpp"
#include "routing/control.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

std::int64_t window_tokens(MeasureRequest const& r) {
    return std::min(r.window, r.tokens_per_rank);
}

// This rank's own windows: ranks take consecutive stretches of the text.
Grid<std::int32_t, 2> my_windows(PreparationSetting const& s, std::string const& dataset, Split split,
                                 std::string* name) {
    Grid<std::int32_t, 2> mine;
    auto const& world = s.context.world;
    run_on_all(world, [&] {
        auto const text = tokenise(s.subject, dataset, split);
        auto const length = window_tokens(s.request);
        auto const count = s.request.tokens_per_rank / length * s.request.batches * world.size();
        mine = share_of(consecutive_windows(text.tokens, length, count), world.rank(), world.size());
        *name = text.text.dataset;
    });
    return mine;
}

// From [layer, token of all batches, choice] to [batch x layer, token of a batch, choice].
Routing by_batch(Routing const& all, std::size_t batches) {
    auto const layers = all.layers(), tokens = all.tokens() / batches, top_k = all.top_k();
    Routing routing{all.experts, Grid<std::int32_t, 3>(batches * layers, tokens, top_k)};
    for (std::size_t batch = 0; batch < batches; ++batch) {
        for (std::size_t layer = 0; layer < layers; ++layer) {
            auto const from = all.picks.row(layer).subspan(batch * tokens * top_k, tokens * top_k);
            std::copy(from.begin(), from.end(), routing.picks.row(batch * layers + layer).begin());
        }
    }
    return routing;
}

// Splits of a control differ in their seed.
Routing imposed(PreparationSetting const& s, std::string const& spec, std::size_t layers,
                std::uint64_t split) {
    auto const& facts = s.subject.facts();
    auto const& world = s.context.world;
    Routing routing;
    run_on_all(world, [&] {
        auto const length = window_tokens(s.request);
        auto const tokens = s.request.tokens_per_rank / length * length;
        routing = impose(spec, {world.size(), world.rank(), layers, tokens, facts.experts, facts.top_k,
                                s.request.seed * 2 + split});
    });
    return routing;
}

Grid<std::int64_t, 3> gather_pairs(Communicator const& world, Routing const& routing) {
    auto pairs = count_pairs(routing);
    world.sum(pairs.row());
    return pairs;
}

class TextRouter {
  public:
    TextRouter(PreparationSetting const& setting, PreparedText& text) : s_(setting), text_(text) {}

    void run(std::string const& dataset, std::string const& plan_dataset) {
        bool const plan_control = is_control(plan_dataset);
        text_.has_model = !is_control(dataset);
        text_.batches = static_cast<std::size_t>(s_.request.batches);
        text_.dataset = dataset;
        text_.plan_dataset = plan_dataset;
        Grid<std::int32_t, 2> plan_windows;
        if (text_.has_model) text_.windows = my_windows(s_, dataset, Split::test, &text_.dataset);
        if (!plan_control) plan_windows = my_windows(s_, plan_dataset, Split::train, &text_.plan_dataset);
        if (!text_.has_model) text_.split = "imposed";
        if (plan_control) text_.plan_split = "imposed";
        for (auto const& policy : policies()) {
            auto routed = std::make_unique<PolicyRouting>();
            start(policy, *routed);
            if (plan_control) {
                learn(imposed(s_, plan_dataset, layers(), 1), *routed);
            } else {
                route_plan_text(plan_windows, *routed);
            }
            if (routed->active) routed->active->freeze();
            if (text_.has_model) {
                route_test_text(*routed);
            } else {
                impose_test(dataset, *routed);
            }
            text_.routed.push_back(std::move(routed));
        }
    }

  private:
    std::size_t layers() const { return static_cast<std::size_t>(s_.subject.facts().layers); }

    std::vector<std::string> policies() const {
        std::vector<std::string> names;
        run_on_all(s_.context.world, [&] {
            for (auto const& name : split_list(s_.request.policies, "--policies")) names.push_back(name);
        });
        // A control decides for itself: no policy has a say.
        return text_.has_model ? names : std::vector<std::string>{"native"};
    }

    void start(std::string const& policy, PolicyRouting& routed) {
        run_on_all(s_.context.world, [&] {
            auto const spec = parse_spec(policy);
            routed.policy = label_of(spec);
            auto active = s_.subject.model->make_policy(policy, s_.request.seed);
            routed.scope = active->scope();
            if (spec.name != "native") routed.active = std::move(active);
        });
    }

    void learn(Routing const& plan, PolicyRouting& routed) {
        routed.plan_demand = gather_demand(s_.context.world, plan);
        routed.plan_pairs = gather_pairs(s_.context.world, plan);
    }

    ScoreRequest score_request(PolicyRouting const& routed, Grid<std::int32_t, 2> const& windows) const {
        ScoreRequest request;
        request.wanted.policy = routed.active.get();
        request.batch_windows = windows.extent(0) / text_.batches;
        return request;
    }

    void route_plan_text(Grid<std::int32_t, 2> const& windows, PolicyRouting& routed) {
        auto const score = score_windows(*s_.subject.model, windows, score_request(routed, windows),
                                         s_.parallel.view(), [](ForwardResult const&) {});
        learn(score.routing, routed);
    }

    void route_test_text(PolicyRouting& routed) {
        auto request = score_request(routed, text_.windows);
        request.wanted.first_target = text_.windows.extent(1) > 1 ? 1 : 0;
        auto const score = score_windows(*s_.subject.model, text_.windows, request, s_.parallel.view(),
                                         [](ForwardResult const&) {});
        routed.routing = by_batch(score.routing, text_.batches);
        routed.test_demand = gather_demand(s_.context.world, routed.routing);
        routed.perplexity = score.targets > 0 ? score.perplexity() : 0;
        routed.rerouted_ratio = static_cast<double>(score.rerouted) / static_cast<double>(score.choices);
    }

    void impose_test(std::string const& dataset, PolicyRouting& routed) {
        routed.routing = imposed(s_, dataset, layers() * text_.batches, 0);
        routed.test_demand = gather_demand(s_.context.world, routed.routing);
    }

    PreparationSetting const& s_;
    PreparedText& text_;
};

}  // namespace

PreparedText route_under_policies(PreparationSetting const& setting, std::string const& dataset,
                                  std::string const& plan_dataset) {
    PreparedText text;
    TextRouter(setting, text).run(dataset, plan_dataset.empty() ? dataset : plan_dataset);
    return text;
}

}  // namespace moewire
