#!/usr/bin/env python3
"""Write the skeleton of a new catalogue file; the tests over all registered names cover it from the first build.

    new.py strategy NAME        src/assignment/strategies/NAME.cpp
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
                 "Assignment plan(PlanRequest const& request) {\n"
                 "    // Return a plan for every layer of request.demand; look at nothing else.\n"
                 "    return make_plan(\"contiguous\", request);\n}", "{Family::placement, plan}"),
    "cost_model": ("src/simulate/cost_models", "simulate/cost_model.hpp", "CostModel",
                   "Prediction predict(Scenario const& scenario, ModelParameters const&) {\n"
                   "    // Never below the bound, never faster with more bytes.\n"
                   "    auto const bound = resource_bound(scenario);\n"
                   "    return {bound.time_s, bound.time_s, bound.time_s, bound.time_s, bound.binding_resource, Evidence::assumed};\n}",
                   "{predict}"),
    "exchange": ("src/transport/exchanges", "transport/exchange.hpp", "ExchangeBackend",
                 "std::optional<std::string> waive(Communicator const&) { return \"it has no implementation yet\"; }\n\n"
                 "std::unique_ptr<Exchange> make(Communicator const&) { return nullptr; }", "{waive, make}"),
    "architecture": ("src/model/architectures", "model/traits.hpp", "Architecture",
                     "Traits traits(ModelConfig const&) {\n    Traits t;\n    t.moe_blocks = {\"mlp\"};\n    t.router_names = {\"gate.weight\"};\n"
                     "    t.expert_names = {\"gate_proj\", \"up_proj\", \"down_proj\"};\n    return t;\n}", "{traits}"),
    "command": ("bench/commands", "bench/command.hpp", "Command",
                "std::function<int(Context const&)> declare(CLI::App&) {\n"
                "    return [](Context const& context) {\n        print(context, \"nothing yet\\n\");\n        return 0;\n    };\n}", "{declare}"),
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
    target.write_text(TEMPLATE.format(name=name, header=header, body=body, type=type_name, value=value))
    print(f"wrote {target.relative_to(ROOT)}; build, then `moewire list` shows it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
