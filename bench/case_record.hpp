// What is known of a case before it is measured? Its axes, plan, traffic, imbalance and predicted times.
#pragma once

#include <string>

#include "bench/group.hpp"
#include "bench/preparation.hpp"
#include "simulate/cost_model.hpp"
#include "topology/topology.hpp"
#include "trace/record.hpp"

namespace moewire {

struct CaseFacts {
    MeasureRequest const& request;
    Subject const& subject;
    PreparedText const& text;
    PreparedCase const& one;
    Mode mode;
    std::string const& transport;
    ExchangePlan::OwnRows own_rows;  // of in_model passes: does the exchange move what stays on a rank?
    Topology const& topology;
    ModelParameters const& parameters;
};

Record predicted_record(CaseFacts const& facts);

}  // namespace moewire
