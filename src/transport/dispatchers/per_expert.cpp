// A token travels once for every expert that it chose, also when several live on one rank.
#include "base/registry.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {
namespace {

DispatchPlan plan(Communicator const& communicator, Assignment const& assignment, LayerId layer,
                  std::span<std::int32_t const> picks, std::int64_t row_bytes) {
    auto send = sort_by_destination(assignment, layer, picks);
    auto const counts = exchange_counts(communicator, send);
    return complete_plan(assignment, layer, communicator.rank(), std::move(send), counts, row_bytes);
}

bool const registered =
    register_in<Dispatcher>("per_expert", "One row for every (token, chosen expert) pair.", {plan});

}  // namespace
}  // namespace moewire
