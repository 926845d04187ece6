#include "routing/batches.hpp"

#include "base/contract.hpp"

namespace moewire {

Grid<std::int64_t, 3> count_batches(Routing const& routing, std::int64_t first_token,
                                    std::int64_t batch_tokens, std::int64_t batches) {
    MOEWIRE_EXPECT(first_token >= 0 && batch_tokens > 0 && batches >= 0);
    Grid<std::int64_t, 3> counts(batches, routing.layers(), routing.experts);
    for (std::size_t layer = 0; layer < routing.layers(); ++layer) {
        for (std::size_t token = 0; token < routing.tokens(); ++token) {
            auto const batch = (first_token + static_cast<std::int64_t>(token)) / batch_tokens;
            if (batch >= batches) break;
            for (auto const pick : routing.picks.row(layer, token)) ++counts(batch, layer, pick);
        }
    }
    return counts;
}

}  // namespace moewire
