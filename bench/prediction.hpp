// How long should it take? Step 5 of a measured case: the simulator speaks before any time is taken.
#pragma once

#include <string_view>
#include <vector>

#include "bench/preparation.hpp"
#include "simulate/calibration_file.hpp"
#include "simulate/cost_model.hpp"
#include "system/clock.hpp"
#include "topology/topology.hpp"
#include "trace/record.hpp"

namespace moewire {

// Parameters of the cost models, and where those of `line` come from.
struct Calibration {
    ModelParameters parameters;
    std::string why_no_line;  // empty when there is one
    Record record;            // /calibration
};

// Collective: all ranks. A sweep of uniform exchanges on sizes around, but never on, those that the cases
// will carry. With one rank nothing crosses a port and no line is fitted.
Calibration calibrate(Context const& context, Exchange& exchange, std::string const& transport,
                      MeasureRequest const& request, std::vector<PreparedText> const& texts,
                      std::vector<ClockOffset> const& offsets);

// Predict by a frozen calibration too, and keep it in the record. `model`: the calibration's own, or carried
// to this machine; then `elsewhere` says what was different where it was made.
void add_frozen(FrozenCalibration const& frozen, CalibratedModel model, std::string const& elsewhere,
                Calibration& calibration);

// predicted/{dispatch,combine}/<model>_{s,low_s,high_s,bound_s} of every cost model that has its parameters,
// and the attributes `binding_resource` and `evidence.<model>`.
void add_predictions(Record& record, Traffic const& traffic, Topology const& topology,
                     ModelParameters const& parameters);

// Dispatch and combine of all layers by one cost model. Unit: seconds.
double predicted_total_s(std::string_view model, Traffic const& traffic, Topology const& topology,
                         ModelParameters const& parameters);

}  // namespace moewire
