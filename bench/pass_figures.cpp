#include "bench/pass_figures.hpp"

#include <algorithm>

#include "base/statistics.hpp"

namespace moewire {

Grid<double, 2> by_rank(Communicator const& world, std::vector<double> const& mine) {
    auto const all = world.gather(std::span<double const>(mine));
    if (!world.is_root()) return {};
    Grid<double, 2> table(mine.size(), static_cast<std::size_t>(world.size()));
    for (std::size_t rank = 0; rank < table.extent(1); ++rank) {
        for (std::size_t i = 0; i < mine.size(); ++i) table(i, rank) = all[rank * mine.size() + i];
    }
    return table;
}

std::vector<double> passes_of(Grid<double, 3> const& table) {
    std::vector<double> passes;
    for (std::size_t i = 0; i < table.extent(0); ++i) {
        double sum = 0;
        for (std::size_t layer = 0; layer < table.extent(1); ++layer) {
            auto const row = table.row(i, layer);
            sum += *std::max_element(row.begin(), row.end());
        }
        passes.push_back(sum);
    }
    return passes;
}

double median_of_passes(Grid<double, 3> const& table) {
    return median(passes_of(table));
}

std::vector<std::int32_t> positions_of(Grid<std::int32_t, 2> const& order, std::size_t which) {
    std::vector<std::int32_t> positions;
    for (std::size_t i = 0; i < order.extent(0); ++i) {
        auto const row = order.row(i);
        positions.push_back(static_cast<std::int32_t>(
            std::find(row.begin(), row.end(), static_cast<std::int32_t>(which)) - row.begin()));
    }
    return positions;
}

}  // namespace moewire
