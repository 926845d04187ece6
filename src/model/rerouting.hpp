// Another choice of experts: which weights do they get?
#pragma once

#include <ATen/core/Tensor.h>

#include "base/settings.hpp"
#include "model/router.hpp"

namespace moewire {

// Weights of experts that the router did not choose. Routers with a softmax give them their share, as they
// would have. SparseMixer's weight of an expert that is not among its two best is not defined (outside its
// threshold it would be zero), so a rule is needed: `inherit` gives a new expert the weight of the one that
// it replaces, new and replaced experts taken in order; `softmax` gives it its plain share.
enum class WeightRule { inherit, softmax };
Setting weights_setting();
WeightRule weight_rule(Settings const& settings);

// Shape of `experts`: [token, choice], all real and distinct within a token.
RouterOutput reroute(RouterSettings const& settings, at::Tensor const& logits, at::Tensor const& experts,
                     WeightRule rule);

// The top k of `scores`, weighted as above. Shape: [token, expert].
RouterOutput reroute_by(RouterSettings const& settings, at::Tensor const& logits, at::Tensor const& scores,
                        WeightRule rule);

// What an overloaded expert loses: max(0, load / mean - 1). Shapes: [expert].
at::Tensor overload(at::Tensor const& load);

}  // namespace moewire
