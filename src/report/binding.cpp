#include "report/binding.hpp"

#include <algorithm>
#include <vector>

namespace moewire {

Binding binding_of(Record const& record) {
    Binding binding;
    std::vector<std::size_t> slowest;
    std::size_t exchanges = 0;
    for (auto const* name : {"measured/dispatch_transfer_s", "measured/combine_transfer_s"}) {
        auto const samples = to_grid<double, 3>(record.at(name));
        slowest.resize(samples.extent(2));
        for (std::size_t i = 0; i < samples.extent(0); ++i) {
            for (std::size_t l = 0; l < samples.extent(1); ++l, ++exchanges) {
                auto const ranks = samples.row(i, l);
                ++slowest[static_cast<std::size_t>(std::max_element(ranks.begin(), ranks.end()) -
                                                   ranks.begin())];
            }
        }
    }
    auto const most = std::max_element(slowest.begin(), slowest.end());
    binding.rank = static_cast<std::size_t>(most - slowest.begin());
    binding.ranks = slowest.size();
    if (exchanges > 0) binding.share = static_cast<double>(*most) / static_cast<double>(exchanges);
    if (record.has("binding_resource")) binding.resource = record.text("binding_resource");
    return binding;
}

}  // namespace moewire
