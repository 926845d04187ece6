#include "report/simple_rules.hpp"

#include "base/error.hpp"

namespace moewire {

std::vector<UniformPoint> uniform_points(Trace const& trace, std::optional<FrozenCalibration> const& frozen) {
    std::map<double, double> points;
    if (frozen) {
        for (auto const& p : frozen->grid) {
            if (p.name.starts_with("uniform ")) points[p.busiest_bytes] = p.p50_s;
        }
    } else if (trace.calibration.find("busiest_bytes") != nullptr) {
        auto const bytes = to_grid<double, 1>(trace.calibration.at("busiest_bytes")).values();
        auto const p50_s = to_grid<double, 1>(trace.calibration.at("p50_s")).values();
        for (std::size_t i = 0; i < bytes.size(); ++i) points[bytes[i]] = p50_s[i];
    }
    std::vector<UniformPoint> all;
    for (auto const& [bytes, time_s] : points) all.push_back({bytes, time_s});
    return all;
}

std::vector<UniformPoint> uniform_points(Trace const& trace) {
    if (!trace.calibration.has("frozen")) return uniform_points(trace, std::nullopt);
    try {
        return uniform_points(trace, thaw(trace.calibration.text("frozen"), trace.path.string()));
    } catch (Error const&) {
        return {};  // of another version: a report without some rules is better than none
    }
}

Grid<std::uint64_t, 2> bytes_of_exchange(Grid<std::uint64_t, 3> const& traffic, std::size_t layer,
                                         std::string const& direction) {
    Grid<std::uint64_t, 2> bytes(traffic.extent(1), traffic.extent(2));
    bool const is_dispatch = direction == "dispatch";
    for (std::size_t s = 0; s < bytes.extent(0); ++s) {
        for (std::size_t d = 0; d < bytes.extent(1); ++d)
            bytes(s, d) = is_dispatch ? traffic(layer, s, d) : traffic(layer, d, s);
    }
    return bytes;
}

std::map<std::string, double> simple_rules(Grid<std::uint64_t, 2> const& bytes,
                                           std::vector<UniformPoint> const& uniform, double bound_s) {
    // The rules need no topology beyond the bound.
    Topology const unlimited({}, std::vector<int>(bytes.extent(0), 0));
    std::map<std::string, double> times_s;
    for (auto const& rule : baselines_of({unlimited, bytes}, uniform)) {
        double const time_s = rule.name == "port_bound" ? bound_s : rule.time_s;
        if (time_s > 0) times_s[rule.name] = time_s;
    }
    return times_s;
}

std::map<std::string, std::vector<double>> simple_rules_of(Record const& record,
                                                           std::vector<UniformPoint> const& uniform) {
    std::map<std::string, std::vector<double>> all;
    if (uniform.empty() || record.find("traffic_bytes") == nullptr) return all;
    auto const traffic = to_grid<std::uint64_t, 3>(record.at("traffic_bytes"));
    for (std::string const direction : {"dispatch", "combine"}) {
        for (std::size_t layer = 0; layer < traffic.extent(0); ++layer) {
            for (auto const& [rule, time_s] :
                 simple_rules(bytes_of_exchange(traffic, layer, direction), uniform, 0))
                all[rule].push_back(time_s);
        }
    }
    // A rule that says nothing of an exchange is left out: places would not match.
    std::erase_if(all, [&](auto const& rule) { return rule.second.size() != 2 * traffic.extent(0); });
    return all;
}

}  // namespace moewire
