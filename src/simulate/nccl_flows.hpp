// Which flows are the messages of an exchange to NCCL? Their rates at most, their weights, and who waits for
// whom.
#pragma once

#include "simulate/flows.hpp"
#include "simulate/nccl_exchange.hpp"

namespace moewire {

struct NcclFlows {
    FlowSet flows;
    FlowTurns turns;  // empty where all messages run at once
};

// One flow a message, own bytes included; equal messages on equal ways are one flow. LL sends every byte
// twice. A message weighs as many as it has channels. Where channels run several batches, a message waits
// until the batches before it have ended on its first channel, at both ends.
NcclFlows nccl_flows(Scenario const& scenario, NcclMachine const& machine, NcclExchange const& exchange);

}  // namespace moewire
