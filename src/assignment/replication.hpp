// How do copies come about? Settings and planning that the replicating strategies share.
#pragma once

#include <vector>

#include "assignment/eplb.hpp"
#include "assignment/strategy.hpp"

namespace moewire {

// extra, choice, nodes, groups.
std::vector<Setting> replication_settings();

// ceil(experts / ranks) + extra slots on every rank. Throws: usage, when nodes or groups do not fit.
EplbShape replication_shape(PlanRequest const& request);
ReplicaRule replication_rule(PlanRequest const& request);

// The slots of one layer by EPLB, with level shares where the choice is `weighted`. Shape of `load`:
// [expert].
std::vector<PlacedSlot> replicated_slots(std::vector<double> const& load, PlanRequest const& request);

// The same for all layers of a demand. Shape of the result: [layer, ...].
Assignment replicated_plan(Demand const& demand, PlanRequest const& request);

// What the busiest rank gets in each layer of `plan` under this load when copies are chosen as the rule says,
// over the mean rank; averaged over layers. Shape of `load`: [layer][expert].
double mean_max_over_mean(Assignment const& plan, std::vector<std::vector<double>> const& load);

}  // namespace moewire
