// Extra slots on every rank for copies of hot experts. Source: deepseek-ai/EPLB (see assignment/eplb.hpp).
#include "assignment/replication.hpp"
#include "base/registry.hpp"

namespace moewire {
namespace {

Planned plan(PlanRequest const& request) {
    return {replicated_plan(request.demand, request)};
}

bool const registered = register_in<Strategy>(
    "eplb_replicated", "Copies of hot experts in extra slots of every rank, packed by load (EPLB).",
    {.family = Family::replication, .settings = replication_settings(), .plan = plan});

}  // namespace
}  // namespace moewire
