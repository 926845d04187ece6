// Which pull towards balance? A loss of one layer's router, its gradient through the shares that it gives.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/settings.hpp"
#include "model/trainable.hpp"

namespace moewire {

// One layer's router over the batch that counts: this rank's tokens (local), or those of all ranks (global).
// Gradients reach this rank's tokens alone: summed over ranks they are those of one large batch.
struct LayerLoad {
    at::Tensor logits, shares;  // Shape: [token, expert], fp32, of this rank
    at::Tensor picks;           // Shape: [token, choice], of this rank
    at::Tensor soft;            // Shape: [expert]; mean share over the batch that counts, sums to 1
    at::Tensor hard;            // Shape: [expert]; share of its choices, sums to 1, no gradient
    at::Tensor load;            // Shape: [expert]; soft; or hard with the gradient of soft (straight-through)
    double tokens = 0;          // of the batch that counts
    double sequences = 0;       // the same
    std::int64_t own_sequences = 0;
    // Sums over the batch that counts; the gradient stays with this rank's part.
    std::function<at::Tensor(at::Tensor const&)> sum;

    std::int64_t experts() const { return shares.size(1); }
    std::int64_t top_k() const { return picks.size(1); }
};

// A file in losses/. The value is a scalar.
struct BalanceLoss {
    static constexpr char const* catalogue = "train/losses";
    std::function<at::Tensor(LayerLoad const&, Settings const&)> value;
    std::vector<Setting> settings;
};

// What every loss has beside its own settings: load=soft|straight, scope=global|local.
std::vector<Setting> with_common(std::vector<Setting> own);

// How often each expert was chosen. Shape of `picks`: [..., choice] -> [expert], fp32.
at::Tensor counts_of(at::Tensor const& picks, std::int64_t experts);

// One loss with its settings, over all layers.
class BalanceTerm {
  public:
    // `spec`: "name[:key=value]...". Throws: usage, for unknown names or settings.
    explicit BalanceTerm(std::string_view spec);

    // Collective: all ranks of `communicator`. The mean over layers; every rank has the value over all ranks'
    // tokens (local: the mean of the ranks' own values, weighted by their tokens), and the gradient of its
    // own part.
    at::Tensor value(TrainingPass const& pass, Communicator const& communicator) const;

  private:
    LayerLoad load_of(RouterScores const& scores, std::int64_t sequences, Communicator const& batch) const;

    BalanceLoss const* loss_;
    Settings settings_;
    bool straight_, global_;
};

}  // namespace moewire
