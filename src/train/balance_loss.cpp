#include "train/balance_loss.hpp"

#include <ATen/ATen.h>

#include "base/registry.hpp"
#include "train/reduction.hpp"

namespace moewire {

std::vector<Setting> with_common(std::vector<Setting> own) {
    own.push_back(word_setting("load", {"soft", "straight"},
                               "Mean shares, or counts that have the gradient of mean shares"));
    own.push_back(word_setting("scope", {"global", "local"}, "Tokens of all ranks, or each rank's own"));
    return own;
}

at::Tensor counts_of(at::Tensor const& picks, std::int64_t experts) {
    auto const flat = picks.reshape({-1});
    auto const ones = at::ones({flat.size(0)}, flat.options().dtype(at::kFloat));
    // A dropped choice is negative: it counts in a place of its own.
    auto const place = at::where(flat.ge(0), flat, experts);
    return at::zeros({experts + 1}, ones.options()).scatter_add_(0, place, ones).narrow(0, 0, experts);
}

BalanceTerm::BalanceTerm(std::string_view text) {
    auto const spec = parse_spec(text);
    loss_ = &Registry<BalanceLoss>::instance().at(spec.name).value;
    settings_ = Settings(loss_->settings, spec);
    straight_ = settings_.word("load") == "straight";
    global_ = settings_.word("scope") == "global";
}

LayerLoad BalanceTerm::load_of(RouterScores const& scores, std::int64_t sequences,
                               Communicator const& batch) const {
    LayerLoad load;
    load.logits = scores.logits.to(at::kFloat);
    load.shares = scores.shares;
    load.picks = scores.picks;
    load.own_sequences = sequences;
    load.sum = [batch](at::Tensor const& part) { return sum_with_own_gradient(part, batch); };
    load.tokens = static_cast<double>(batch.sum(scores.shares.size(0)));
    load.sequences = static_cast<double>(batch.sum(sequences));
    load.soft = load.sum(load.shares.sum(0)) / load.tokens;
    auto const counts = load.sum(counts_of(load.picks, load.experts()));
    load.hard = counts / counts.sum().clamp_min(1);
    // The difference first: it is exactly zero, and equal counts stay equal.
    load.load = straight_ ? load.hard + (load.soft - load.soft.detach()) : load.soft;
    return load;
}

at::Tensor BalanceTerm::value(TrainingPass const& pass, Communicator const& communicator) const {
    auto const batch = global_ ? communicator : Communicator();
    at::Tensor total;
    for (auto const& scores : pass.layers) {
        auto const of_layer = loss_->value(load_of(scores, pass.sequences, batch), settings_);
        total = total.defined() ? total + of_layer : of_layer;
    }
    auto const mean = total / static_cast<double>(pass.layers.size());
    if (global_ || communicator.size() == 1) return mean;
    auto const own = pass.layers.front().shares.size(0);
    auto const share = static_cast<double>(own) / static_cast<double>(communicator.sum(own));
    return sum_with_own_gradient(mean * share, communicator);
}

}  // namespace moewire
