// Token by token on a GPU: a step of a thousand small kernels takes longer to launch than to compute, so it
// is recorded once and launched as a whole.
#include <ATen/ATen.h>

#include "model/decoder.hpp"

namespace moewire {

bool Decoder::can_replay(at::Tensor const& ids, MoePass const& pass, DecoderCache const* cache) const {
    if (cache == nullptr || !ids.is_cuda() || ids.size(0) == 0 || ids.size(1) != 1) return false;
    if (pass.parallel.communicator.size() > 1 || pass.observer != nullptr || pass.policy != nullptr)
        return false;
    // Longrope's tables change on the way.
    if (traits_.rope == RopeKind::longrope || !layers_.front().attention->knows_device_position())
        return false;
    auto const& bank = dynamic_cast<LoadedExperts const&>(pass.parallel.experts);
    return bank.can_group(at::empty({0, facts_.hidden_size}, embedding_.options()));
}

at::Tensor Decoder::run_layers_at(DecodeGraph& step, MoePass const& pass, DecoderCache& cache) {
    auto const& whole = rope_.whole(cache.capacity());
    RopeTable const rope{whole.cos.index_select(0, step.position), whole.sin.index_select(0, step.position)};
    step.routings.clear();
    auto hidden = at::embedding(embedding_, step.ids);
    for (std::size_t index = 0; index < layers_.size(); ++index) {
        auto const& layer = layers_[index];
        AttentionContext const context{rope, &cache.layer(index), 0, step.position};
        hidden = hidden + layer.attention->forward(layer.before_attention.forward(hidden), context);
        auto const rows = layer.before_experts.forward(hidden).view({hidden.size(0), facts_.hidden_size});
        auto const mixed = layer.dense ? layer.dense->forward(rows)
                                       : layer.experts->forward(rows, pass, &step.routings.emplace_back());
        hidden = hidden + mixed.view_as(hidden);
    }
    return logits_of(final_norm_->forward(hidden));
}

ForwardResult Decoder::replay(at::Tensor const& ids, MoePass const& pass, DecoderCache& cache,
                              Wanted const& wanted, ForwardResult result) {
    auto& step = cache.graph();
    auto const position = at::full({1}, cache.length(), ids.options());
    if (!step || step->experts != &pass.parallel.experts) {
        step = std::make_unique<DecodeGraph>();
        step->experts = &pass.parallel.experts;
        step->ids = ids.clone();
        step->position = position;
        // Once as it is, so that libraries have loaded what they need; it writes what the replay writes
        // again.
        run_layers_at(*step, pass, cache);
        step->graph = device().capture([&] { step->logits = run_layers_at(*step, pass, cache); });
    }
    step->ids.copy_(ids);
    step->position.copy_(position);
    step->graph->replay();
    cache.advance(1);
    record(step->routings, wanted, result);
    if (wanted.read_out == ReadOut::keep || wanted.read_out == ReadOut::last) {
        auto const logits = step->logits.cpu().contiguous();
        std::copy_n(logits.const_data_ptr<float>(), logits.numel(), result.logits.row().begin());
    }
    device().synchronise();
    return result;
}

}  // namespace moewire
