#include "measure/rung_figures.hpp"

#include <algorithm>
#include <vector>

namespace moewire {

RungFigures figures_of(Grid<double, 2> const& rank_s, ByteMatrix const& bytes) {
    std::vector<double> slowest_s, fastest_s;
    for (std::size_t i = 0; i < rank_s.extent(0); ++i) {
        auto const [least, most] = std::minmax_element(rank_s.row(i).begin(), rank_s.row(i).end());
        fastest_s.push_back(*least);
        slowest_s.push_back(*most);
    }
    RungFigures figures;
    figures.p50 = quantile(slowest_s, 0.5);
    figures.p95_s = percentile(slowest_s, 0.95);
    figures.p99_s = percentile(slowest_s, 0.99);
    figures.fastest_rank_s = median(fastest_s);
    figures.stragglers = std::count_if(slowest_s.begin(), slowest_s.end(), [&](double time_s) {
        return time_s > straggler_factor * figures.p50.value;
    });
    figures.size_bytes = busiest_rank_bytes(bytes);
    auto const ranks = static_cast<double>(bytes.extent(0));
    // A clock may say 0 of an exchange of nothing.
    if (figures.size_bytes > 0 && figures.p50.value > 0) {
        figures.algbw_bytes_per_s = static_cast<double>(figures.size_bytes) / figures.p50.value;
        figures.busbw_bytes_per_s = figures.algbw_bytes_per_s * (ranks - 1) / ranks;
    }
    return figures;
}

}  // namespace moewire
