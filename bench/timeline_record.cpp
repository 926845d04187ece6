#include "bench/timeline_record.hpp"

namespace moewire {

void add_timeline(Timeline const& timeline, std::vector<Dataset>& datasets) {
    std::vector<std::string> const of_steps{"pass", "layer", "step", "rank"}, of_passes{"pass", "rank"};
    datasets.push_back(make_dataset("timeline/iteration", "1", {"pass"},
                                    Grid<std::int32_t, 1>({timeline.passes()}, timeline.iteration)));
    datasets.push_back(make_dataset("timeline/start_s", "s", of_steps, timeline.start_s));
    datasets.push_back(make_dataset("timeline/end_s", "s", of_steps, timeline.end_s));
    datasets.push_back(make_dataset("timeline/pass_start_s", "s", of_passes, timeline.pass_start_s));
    datasets.push_back(make_dataset("timeline/pass_end_s", "s", of_passes, timeline.pass_end_s));
}

}  // namespace moewire
