// Did it work on every rank? One rank's failure must end or skip a step on all ranks, never strand them.
#pragma once

#include <functional>
#include <string>

#include "system/communicator.hpp"

namespace moewire {

// Collective: all ranks. Runs `step`, which must not call collectives itself, and agrees on the outcome: when
// any rank threw, all ranks throw the lowest failing rank's error, naming it unless every rank failed alike.
// The error's audience is `all_ranks`: nobody waits, all leave in order.
void run_on_all(Communicator const& communicator, std::function<void()> const& step);

// Collective: all ranks. Throws on all ranks (failure, source "internal") when `value` differs between ranks;
// `what` names it.
void expect_equal_on_all(Communicator const& communicator, std::string const& value, std::string const& what);

}  // namespace moewire
