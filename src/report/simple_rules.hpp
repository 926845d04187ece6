// What would simpler rules have said of each exchange? The six of simulate/baselines.hpp, from what a trace
// keeps of its calibration: nothing that was measured afterwards is known to them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/grid.hpp"
#include "simulate/baselines.hpp"
#include "simulate/calibration_file.hpp"
#include "trace/trace_reader.hpp"

namespace moewire {

// How long uniform exchanges took before the run: of the frozen file's probes, else of the short sweep in the
// trace. Ascending in bytes; empty where neither was kept.
std::vector<UniformPoint> uniform_points(Trace const& trace, std::optional<FrozenCalibration> const& frozen);

// The same, with the frozen calibration that the trace itself holds; one that cannot be read is none.
std::vector<UniformPoint> uniform_points(Trace const& trace);

// Bytes of one layer as they travel: combine goes back where dispatch came from. Shape: [source,
// destination].
Grid<std::uint64_t, 2> bytes_of_exchange(Grid<std::uint64_t, 3> const& traffic, std::size_t layer,
                                         std::string const& direction);

// Rules that have what they need, by name. `bound_s`: the resource bound in the record, which port_bound is.
std::map<std::string, double> simple_rules(Grid<std::uint64_t, 2> const& bytes,
                                           std::vector<UniformPoint> const& uniform, double bound_s);

// Of a whole case, without port_bound (the cost model `bound` is in the record); none without a calibration.
// Unit: seconds.
// Shape of each: [exchange], dispatch of all layers, then combine of all layers.
std::map<std::string, std::vector<double>> simple_rules_of(Record const& record,
                                                           std::vector<UniformPoint> const& uniform);

}  // namespace moewire
