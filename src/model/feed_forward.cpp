#include "model/feed_forward.hpp"

#include <ATen/ATen.h>

#include "model/kernels.hpp"

namespace moewire {

FeedForward::FeedForward(WeightReader const& reader, ModelConfig const& config, std::string const& prefix,
                         std::int64_t width)
    : gate_up_(reader.read_stacked(
          {{prefix + ".gate_proj.weight", width}, {prefix + ".up_proj.weight", width}}, config.hidden_size)),
      down_(reader.read(prefix + ".down_proj.weight", {config.hidden_size, width})) {
    if (!config.mlp_bias) return;
    gate_up_bias_ =
        reader.read_stacked({{prefix + ".gate_proj.bias", width}, {prefix + ".up_proj.bias", width}}, 0);
    down_bias_ = reader.read(prefix + ".down_proj.bias", {config.hidden_size});
}

at::Tensor FeedForward::forward(at::Tensor const& x) const {
    return product(activate(product(x, gate_up_, gate_up_bias_), Activation::swiglu, 0), down_, down_bias_);
}

SharedExperts::SharedExperts(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                             std::string const& block)
    : network_(reader, config, block + "." + traits.shared_expert_name, config.shared_intermediate_size) {
    if (traits.shared_expert == SharedExpert::gated)
        gate_ = reader.read(block + ".shared_expert_gate.weight", {1, config.hidden_size});
}

at::Tensor SharedExperts::forward(at::Tensor const& x) const {
    auto const result = network_.forward(x);
    return gate_.defined() ? at::sigmoid(product(x, gate_)) * result : result;
}

}  // namespace moewire
