// How do tensors travel between ranks, and their gradients back? (Inside the model room only.)
#pragma once

#include <ATen/core/Tensor.h>

#include "transport/exchange.hpp"

namespace moewire {

// Collective: all ranks of the exchange. Shapes: [sent row, hidden] -> [received row, hidden]. Where
// gradients are wanted, their rows travel the same way back, on all ranks in the same order. Rows on a GPU go
// through host memory where the exchange works there. `exchange` must outlive the backward pass.
at::Tensor exchange_rows(Exchange& exchange, ExchangePlan const& plan, at::Tensor const& rows);

// The same without gradients, into rows that are there already, where the exchange works.
void exchange_rows_into(Exchange& exchange, ExchangePlan const& plan, at::Tensor const& rows,
                        at::Tensor const& received);

}  // namespace moewire
