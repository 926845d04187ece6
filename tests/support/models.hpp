// Parameters for every cost model, for tests over all of them.
#pragma once

#include <memory>

#include "simulate/calibrated.hpp"
#include "simulate/cost_model.hpp"

namespace moewire {

inline ModelParameters all_parameters() {
    ModelParameters parameters;
    parameters.seed = {1e9, 1e-6};
    parameters.line = Line{5e-6, 0.7e9, 0.2, 1000, 10000000};
    CalibratedModel calibrated;
    calibrated.floor_s = 5e-6;
    calibrated.eager_message_s = calibrated.rendezvous_message_s = 1e-6;
    calibrated.sharpness = 2;
    calibrated.rate_bytes_per_s = {{"rank # out", 0.8e9}, {"rank # in", 1.5e9}, {"node # cores", 4e9}};
    calibrated.trust[Regime::rendezvous] = {{20, Spread::any, 1e9, 0.05, 0.1, 1e-5, 0}};
    calibrated.hull = {1000, 1000000, 6};
    parameters.calibrated = std::make_shared<CalibratedModel>(calibrated);
    return parameters;
}

// NCCL without overheads on links that carry what they promise: what is left is the sharing.
inline NcclCosts ideal_nccl() {
    NcclCosts costs;
    costs.launch_s = costs.base_ll_s = costs.base_simple_s = 0;
    costs.nvlink_ll_s = costs.nvlink_simple_s = costs.pcie_ll_s = costs.pcie_simple_s = 0;
    costs.network_ll_s = costs.network_simple_s = 0;
    costs.channel_bytes_per_s = 1e15;
    costs.node_efficiency = costs.network_efficiency = 1;
    return costs;
}

}  // namespace moewire
