#include "model/expert_bank.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>
#include <ATen/core/grad_mode.h>

#include "model/derivatives.hpp"

namespace moewire {
namespace {

constexpr std::int64_t grouped_alignment = 8;  // elements of 16 bytes in a two-byte type

constexpr std::int64_t rows_worth_a_thread = 4;

at::Tensor slot_bias(at::Tensor const& biases, std::int64_t slot) {
    return biases.defined() ? biases[slot] : at::Tensor();
}

// Each row's own bias, added by the slot that it belongs to.
at::Tensor with_bias(at::Tensor const& rows, at::Tensor const& biases, at::Tensor const& slot_end) {
    if (!biases.defined()) return rows;
    auto const slots = at::searchsorted(slot_end, at::arange(rows.size(0), slot_end.options()), false, true);
    return rows + biases.index_select(0, slots.clamp_max(biases.size(0) - 1));
}

// Shape: [expert]; the slot of each expert's first copy.
at::Tensor first_copies(Assignment const& assignment, LayerId layer) {
    auto slots = at::empty({assignment.experts()}, at::kLong);
    for (ExpertId const expert : ids<ExpertId>(assignment.experts()))
        slots.data_ptr<std::int64_t>()[index_of(expert)] = assignment.copies_of(layer, expert).front();
    return slots;
}

}  // namespace

LoadedExperts::LoadedExperts(WeightReader const& reader, ModelConfig const& config, Traits const& traits,
                             Assignment const& assignment, RankId rank)
    : activation_(traits.activation), limit_(config.swiglu_limit) {
    for (LayerId const layer : ids<LayerId>(config.moe_layers.size())) {
        auto experts = assignment.experts_on(layer, rank);
        auto weights = reader.read_experts(config.moe_layers[index_of(layer)], experts);
        for (auto const& tensor : {weights.gate_up, weights.down, weights.gate_up_bias, weights.down_bias}) {
            if (tensor.defined()) bytes_ += static_cast<std::int64_t>(tensor.nbytes());
        }
        auto slot_of = at::zeros({config.experts}, at::kLong);
        for (std::size_t slot = 0; slot < experts.size(); ++slot)
            slot_of.data_ptr<std::int64_t>()[index_of(experts[slot])] = static_cast<std::int64_t>(slot);
        auto const device = reader.placement().device;
        layers_.push_back({std::move(experts), std::move(weights), slot_of.to(device),
                           first_copies(assignment, layer).to(device)});
    }
}

at::Tensor LoadedExperts::compute(LayerId id, at::Tensor const& rows,
                                  std::vector<std::int64_t> const& slot_end) const {
    auto const& layer = layers_[index_of(id)];
    TORCH_CHECK(slot_end.size() == layer.experts.size(), "ends of ", slot_end.size(), " slots for ",
                layer.experts.size(), " experts");  // the grouped product checks as much
    // Gradients must reach every rank's exchange, also where no row came: then an expert computes none.
    if (at::GradMode::is_enabled() && (rows.requires_grad() || layer.weights.gate_up.requires_grad())) {
        auto const& w = layer.weights;
        std::vector<std::int32_t> const ends(slot_end.begin(), slot_end.end());
        auto const end = at::tensor(ends, at::kInt).to(rows.device());
        if (can_group(rows)) return compute_grouped(id, rows, end);
        auto const gate_up = with_bias(product_by_slot(rows, w.gate_up, slot_end), w.gate_up_bias, end);
        auto const inside = activate(gate_up, activation_, limit_);
        return with_bias(product_by_slot(inside, w.down, slot_end), w.down_bias, end);
    }
    auto results = at::empty_like(rows);
    auto const count = slot_end.empty() ? 0 : slot_end.back();
    if (!rows.is_cpu()) {
        compute_part(layer, rows, slot_end, 0, count, results);
        return results;
    }
    // A thread gets as many rows as any other, whichever experts they belong to: an expert's own products are
    // too small to be shared among threads.
    at::ThreadLocalState const state;
    at::parallel_for(0, count, rows_worth_a_thread, [&](std::int64_t first, std::int64_t last) {
        at::ThreadLocalStateGuard const same(state);
        compute_part(layer, rows, slot_end, first, last, results);
    });
    return results;
}

void LoadedExperts::compute_part(Layer const& layer, at::Tensor const& rows,
                                 std::vector<std::int64_t> const& slot_end, std::int64_t first,
                                 std::int64_t last, at::Tensor const& results) const {
    auto const& w = layer.weights;
    auto place = std::upper_bound(slot_end.begin(), slot_end.end(), first) - slot_end.begin();
    for (auto begin = first; begin < last; ++place) {
        auto const count = std::min(last, slot_end[static_cast<std::size_t>(place)]) - begin;
        if (count == 0) continue;
        auto const gate_up =
            product(rows.narrow(0, begin, count), w.gate_up[place], slot_bias(w.gate_up_bias, place));
        product_into(results.narrow(0, begin, count), activate(gate_up, activation_, limit_), w.down[place],
                     slot_bias(w.down_bias, place));
        begin += count;
    }
}

bool LoadedExperts::can_group(at::Tensor const& rows) const {
    auto const& w = layers_.front().weights;
    return rows.is_cuda() && rows.scalar_type() == at::kBFloat16 &&
           w.gate_up.size(2) % grouped_alignment == 0 && w.down.size(2) % grouped_alignment == 0;
}

at::Tensor LoadedExperts::compute_grouped(LayerId id, at::Tensor const& rows,
                                          at::Tensor const& slot_end) const {
    auto const& w = layers_[index_of(id)].weights;
    auto const gate_up = at::_grouped_mm(rows, w.gate_up.transpose(1, 2), slot_end);
    auto const inside = activate(with_bias(gate_up, w.gate_up_bias, slot_end), activation_, limit_);
    return with_bias(at::_grouped_mm(inside, w.down.transpose(1, 2), slot_end), w.down_bias, slot_end);
}

}  // namespace moewire
