#!/usr/bin/env python3
"""Write the skeleton of a new catalogue file; the tests over all registered names cover it from the first build.

    new.py strategy NAME        src/assignment/strategies/NAME.cpp        and a test
    new.py policy NAME          src/model/policies/NAME.cpp               and a test
    new.py control NAME         src/routing/controls/NAME.cpp             and a test
    new.py replica_choice NAME  src/assignment/replica_choices/NAME.cpp
    new.py cost_model NAME      src/simulate/cost_models/NAME.cpp
    new.py exchange NAME        src/transport/exchanges/NAME.cpp
    new.py architecture NAME    src/model/architectures/NAME.cpp
    new.py command NAME         bench/commands/NAME.cpp
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

KINDS = {
    "strategy": ("src/assignment/strategies", "assignment/strategy.hpp", "Strategy",
                 "Planned plan(PlanRequest const& request) {\n"
                 "    // Return a plan for every layer of request.demand; look at nothing else. Here: backwards.\n"
                 "    auto const experts = request.demand.experts();\n"
                 "    Grid<std::int32_t, 2> ranks(request.demand.layers(), static_cast<std::size_t>(experts));\n"
                 "    for (std::size_t layer = 0; layer < request.demand.layers(); ++layer) {\n"
                 "        for (std::int32_t expert = 0; expert < experts; ++expert)\n"
                 "            ranks(layer, expert) = (experts - 1 - expert) % request.ranks;\n    }\n"
                 "    return {Assignment::from_expert_ranks(ranks, request.ranks)};\n}",
                 "{.family = Family::placement, .plan = plan}"),
    "replica_choice": ("src/assignment/replica_choices", "assignment/replica_choice.hpp", "ReplicaChoice",
                       "void choose(CopyRequest const& request, std::span<std::int32_t> slot_of_row) {\n"
                       "    // The slot of each row, from the number of rows alone. Here: always the first copy.\n"
                       "    std::fill(slot_of_row.begin(), slot_of_row.end(), request.copies.front());\n}", "{choose}"),
    "policy": ("src/model/policies", "model/policy.hpp", "RoutingPolicy",
               "class NewPolicy : public Policy {\n  public:\n"
               "    RouterOutput route(LayerId, RouterSettings const& settings, at::Tensor const& logits) override {\n"
               "        // Shape of logits: [token, expert]. model/rerouting.hpp weighs other choices of experts.\n"
               "        return route_natively(settings, logits);\n    }\n};",
               "{.make = [](PolicyRequest const&) { return std::make_unique<NewPolicy>(); }}"),
    "control": ("src/routing/controls", "routing/imposed.hpp", "Control",
                "std::vector<double> shares(ControlRequest const& request) {\n"
                "    // The share of all choices that each expert gets; none above 1 / top_k.\n"
                "    return std::vector<double>(static_cast<std::size_t>(request.experts), 1.0 / request.experts);\n}\n\n"
                "Routing route(ControlRequest const& request) {\n"
                "    return impose_shares(request, [&](std::size_t) { return shares(request); });\n}\n\n"
                "std::string self_check(ControlRequest const& request, Routing const& routing) {\n"
                "    return check_shares(request, routing, [&](std::size_t) { return shares(request); });\n}",
                "{route, self_check}"),
    "cost_model": ("src/simulate/cost_models", "simulate/cost_model.hpp", "CostModel",
                   "Prediction predict(Scenario const& scenario, ModelParameters const&) {\n"
                   "    // Never below the bound, never faster with more bytes.\n"
                   "    auto const bound = resource_bound(scenario);\n"
                   "    return {bound.time_s, bound.time_s, bound.time_s, bound.time_s, bound.binding_resource, Evidence::assumed};\n}",
                   "{predict}"),
    "exchange": ("src/transport/exchanges", "transport/exchange.hpp", "ExchangeBackend",
                 "std::optional<std::string> waive(Communicator const&, MemoryKind) { return \"it has no implementation yet\"; }\n\n"
                 "std::unique_ptr<Exchange> make(Communicator const&, MemoryKind) { return nullptr; }", "{waive, make}"),
    "architecture": ("src/model/architectures", "model/traits.hpp", "Architecture",
                     "Traits traits(ModelConfig const&) {\n    Traits t;\n    t.moe_blocks = {\"mlp\"};\n    t.router_names = {\"gate.weight\"};\n"
                     "    t.expert_names = {\"gate_proj\", \"up_proj\", \"down_proj\"};\n    return t;\n}", "{traits}"),
    "command": ("bench/commands", "bench/command.hpp", "Command",
                "std::function<int(Context const&)> declare(CLI::App&) {\n"
                "    return [](Context const& context) {\n        print(context, \"nothing yet\\n\");\n        return 0;\n    };\n}", "{declare}"),
}

# The tests over all registered names hold the laws; these ask what the new one alone should do.
TESTS = {
    "strategy": ("tests/assignment", "{name}_test.cpp", """// What {name} alone should do; the laws of all strategies are in strategy_test.cpp.
#include <gtest/gtest.h>

#include "assignment/strategy.hpp"
#include "support/placements.hpp"
#include "support/routing.hpp"

namespace moewire {{
namespace {{

TEST({camel}, LoadsNoRankMoreThanAllTokens) {{
    auto const demand = random_demand(1, 4, 16, 1);
    auto const plan = make_plan("{name}", {{demand, 4, 0}});
    EXPECT_LE(worst_load(plan, demand), sum(demand.expert_load(LayerId{{0}})));  // ask for more than this
}}

}}  // namespace
}}  // namespace moewire
"""),
    "control": ("tests/routing", "{name}_test.cpp", """// What {name} alone should give; what all controls must is in control_test.cpp.
#include <gtest/gtest.h>

#include "routing/control.hpp"
#include "routing/imbalance.hpp"

namespace moewire {{
namespace {{

TEST({camel}, GivesItsCounts) {{
    auto const counts = count_picks(impose("{name}", {{4, RankId{{0}}, 1, 400, 16, 2, 1, {{}}}}));
    EXPECT_LE(imbalance_of(counts.row(0)).max_over_mean, 8);  // ask for more than this
}}

}}  // namespace
}}  // namespace moewire
"""),
    "policy": ("tests/model", "{name}_ranks_test.cpp", """// What {name} alone should do; what all policies must is in policy_ranks_test.cpp.
#include <gtest/gtest.h>

#include "model/scoring.hpp"
#include "support/fixtures.hpp"
#include "support/parallel.hpp"

namespace moewire {{
namespace {{

TEST({camel}, ScoresAText) {{
    auto const model = LanguageModel::load(fixture_model("mixtral-even"), {{}});
    TestParallel const parallel(*model, "contiguous");
    auto const windows = share_of(Expected("mixtral-even").tokens("short"), world().rank(), world().size());
    auto policy = model->make_policy("{name}", 0);
    ScoreRequest request;
    request.wanted.first_target = 1;
    request.wanted.policy = policy.get();
    auto const score = score_windows(*model, windows, request, parallel.view(), [](ForwardResult const&) {{}});
    EXPECT_GT(score.perplexity(), 1);  // ask for more than this
}}

}}  // namespace
}}  // namespace moewire
"""),
}

TEMPLATE = """// {name}: say in one or two lines what it does and where it comes from.
#include "{header}"
#include "base/registry.hpp"

namespace moewire {{
namespace {{

{body}

bool const registered = register_in<{type}>("{name}", "One sentence that ends with a full stop.", {value});

}}  // namespace
}}  // namespace moewire
"""


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in KINDS:
        print(__doc__, file=sys.stderr)
        return 2
    kind, name = sys.argv[1:]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        print(f"new.py: '{name}' is no snake_case name; choose one of a-z, 0-9 and _", file=sys.stderr)
        return 2
    folder, header, type_name, body, value = KINDS[kind]
    target = ROOT / folder / f"{name}.cpp"
    if target.exists():
        print(f"new.py: {target} exists; choose another name", file=sys.stderr)
        return 2
    written = [target]
    target.write_text(TEMPLATE.format(name=name, header=header, body=body, type=type_name, value=value))
    if kind in TESTS:
        folder, file, text = TESTS[kind]
        test = ROOT / folder / file.format(name=name)
        if not test.exists():
            test.write_text(text.format(name=name, camel="".join(part.capitalize() for part in name.split("_"))))
            written.append(test)
    print(f"wrote {', '.join(str(path.relative_to(ROOT)) for path in written)}; build, then `moewire list` shows it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
