// What would simpler rules have said? Six of them, printed beside ours in every comparison.
#pragma once

#include <string>
#include <vector>

#include "simulate/cost_model.hpp"

namespace moewire {

// What the rules may know of the machine besides its description: how long uniform exchanges took when it was
// calibrated. Ascending in bytes; at least one.
struct UniformPoint {
    double busiest_bytes = 0, time_s = 0;
};

struct Baseline {
    std::string name;
    double time_s = 0;  // 0: the rule needs what is not there
};

// port_bound      bytes over capacity of the busiest resource, as described
// single_line     latency + busiest port / bandwidth, fitted to the uniform points
// busbw_rule      as if all pairs exchanged the mean: bytes that leave a rank over the best rate of a uniform
//                 exchange (what maintainers answer in NVIDIA/nccl issue 866)
// astra_constants one switch of 400 GB/s (2^30) and 936.25 ns a hop, mean pair (astra-sim-docs, HGX H100)
// simai_formula   mean bytes x (n - 1) / n over a bus bandwidth in 2^30 bytes (aliyun/SimAI, Layer.cc); the
// bus
//                 bandwidth is the best of the uniform points
// endpoint_load   floor + busiest endpoint over mean endpoint x (uniform time - floor) (ai-dynamo/aisimulate,
//                 DeepEP model)
std::vector<Baseline> baselines_of(Scenario const& scenario, std::vector<UniformPoint> const& uniform);

// The time between two points, straight in both logarithms; beyond the ends in proportion to the bytes, below
// the first its time. Unit: seconds.
double interpolated_s(std::vector<UniformPoint> const& uniform, double bytes);

}  // namespace moewire
