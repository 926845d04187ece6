#include <cmath>
#include <mutex>

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/random.hpp"
#include "model/weight_source.hpp"

namespace moewire {
namespace {

// The direction that all embeddings share: plus and minus one in turn.
at::Tensor common_direction(std::int64_t width, at::Tensor const& like) {
    return at::arange(width, like.options().dtype(at::kFloat)).remainder(2).mul(2).sub(1);
}

class SyntheticSource : public WeightSource {
  public:
    SyntheticSource(ModelConfig const& config, SyntheticWeights const& wanted)
        : config_(config), wanted_(wanted) {}

    // One tensor an expert: the layout that lets a rank make its own experts alone.
    void check(TensorPart const& /*part*/) const override {}  // whatever is asked for is made

    bool contains(std::string const& name) const override {
        return !name.ends_with("experts.gate_up_proj") && !name.ends_with("_blocks");
    }
    std::vector<std::string> names() const override { return {}; }
    std::uint64_t bytes_read() const override { return 0; }
    std::string digest() const override {
        Digest digest;
        digest.update(fmt::format("synthetic {} {} {} {} {} {} {}", config_.model_type, config_.layers,
                                  config_.hidden_size, config_.intermediate_size, config_.experts,
                                  wanted_.seed, wanted_.router_skew));
        return digest.hex();
    }

    void fill(TensorPart const& part, at::Tensor const& target) const override {
        auto const& name = part.name;
        if (name.ends_with("norm.weight") || name.ends_with("layernorm.weight")) {
            target.fill_(1);
        } else if (name.ends_with("bias") || name.ends_with("sinks")) {
            target.zero_();
        } else {
            fill_matrix(part, target);
        }
    }

    void fill_bytes(TensorPart const&, at::Tensor const&) const override {}  // no blocks: see contains()

  private:
    void fill_matrix(TensorPart const& part, at::Tensor const& target) const {
        auto const inputs = static_cast<double>(part.shape.back());
        if (part.name.find("embed_tokens") != std::string::npos) {
            normal(part, target, 1.0);
            target.add_(common_direction(config_.hidden_size, target).to(target.scalar_type()));
            return;
        }
        normal(part, target, 1 / std::sqrt(inputs));
        bool const is_router = part.shape.size() == 2 && part.shape[0] == config_.experts &&
                               (part.name.ends_with(".gate.weight") || part.name.ends_with(".router.weight"));
        if (!is_router || wanted_.router_skew == 0) return;
        auto const popularity = at::empty({config_.experts, 1}, target.options());
        normal({part.name + " popularity", {config_.experts, 1}, 0}, popularity,
               wanted_.router_skew / inputs);
        target.add_(popularity * common_direction(config_.hidden_size, target).to(target.scalar_type()));
    }

    // Torch's own generator of that device, seeded anew for each tensor: nothing depends on what was made
    // before.
    void normal(TensorPart const& part, at::Tensor const& target, double deviation) const {
        auto generator = at::globalContext().defaultGenerator(target.device());
        {
            std::scoped_lock const lock(generator.mutex());
            generator.set_current_seed(
                Random(wanted_.seed, fmt::format("{} {}", part.name, part.first_element)).next());
        }
        target.normal_(0, deviation, generator);
    }

    ModelConfig const& config_;
    SyntheticWeights wanted_;
};

}  // namespace

std::unique_ptr<WeightSource> synthetic_source(ModelConfig const& config, SyntheticWeights const& wanted) {
    return std::make_unique<SyntheticSource>(config, wanted);
}

}  // namespace moewire
