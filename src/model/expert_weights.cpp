// Experts of a layer, from each of the layouts on disk.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "model/mxfp4.hpp"
#include "model/weights.hpp"

namespace moewire {
namespace {

constexpr std::int64_t group = 32;  // values that share an MXFP4 scale

}  // namespace

ExpertLayout WeightReader::layout_of(std::int64_t layer) const {
    auto const prefix = moe_block(layer) + ".experts.gate_up_proj";
    if (source_.contains(prefix + "_blocks")) return ExpertLayout::mxfp4;
    // A synthetic source has one tensor an expert, which the transposed layout does not know.
    if (traits_.experts_transposed) return ExpertLayout::transposed;
    return source_.contains(prefix) ? ExpertLayout::fused : ExpertLayout::per_expert;
}

ExpertWeights WeightReader::read_experts(std::int64_t layer, std::vector<ExpertId> const& experts) const {
    std::int64_t const hidden = config_.hidden_size, inner = config_.intermediate_size;
    auto const count = static_cast<std::int64_t>(experts.size());
    auto const prefix = moe_block(layer) + ".experts.";
    auto const layout = layout_of(layer);
    if (count > 0) check_width(prefix, layout, static_cast<std::int64_t>(index_of(experts.front())));
    ExpertWeights weights{empty({count, 2 * inner, hidden}), empty({count, hidden, inner}), {}, {}};
    if (traits_.expert_bias) {
        weights.gate_up_bias = empty({count, 2 * inner});
        weights.down_bias = empty({count, hidden});
    }
    for (std::int64_t slot = 0; slot < count; ++slot) {
        auto const expert = static_cast<std::int64_t>(index_of(experts[static_cast<std::size_t>(slot)]));
        switch (layout) {
            case ExpertLayout::per_expert:
                read_per_expert(prefix, expert, weights, slot);
                break;
            case ExpertLayout::fused:
                read_fused(prefix, expert, weights, slot);
                break;
            default:
                read_transposed(prefix, expert, weights, slot);
        }
    }
    return weights;
}

// One tensor says the experts' width; the router said how many there are.
void WeightReader::check_width(std::string const& prefix, ExpertLayout layout, std::int64_t expert) const {
    std::int64_t const hidden = config_.hidden_size, inner = config_.intermediate_size, all = config_.experts;
    auto const name = prefix + "gate_up_proj";
    switch (layout) {
        case ExpertLayout::per_expert:
            source_.check(
                {fmt::format("{}{}.{}.weight", prefix, expert, traits_.expert_names.gate), {inner, hidden}});
            break;
        case ExpertLayout::fused:
            source_.check({name, {all, 2 * inner, hidden}});
            break;
        case ExpertLayout::transposed:
            source_.check({name, {all, hidden, 2 * inner}});
            break;
        case ExpertLayout::mxfp4:
            source_.check({name + "_blocks", {all, 2 * inner, hidden / group, 16}});
            if (hidden % group == 0 && inner % group == 0) break;
            throw input_error("model",
                              fmt::format("tensor {}_blocks holds groups of {}, but hidden_size {} or "
                                          "intermediate_size {} is no multiple of it (they do not belong "
                                          "together); use the config of this checkpoint",
                                          name, group, hidden, inner));
    }
}

void WeightReader::read_per_expert(std::string const& prefix, std::int64_t expert, ExpertWeights const& into,
                                   std::int64_t slot) const {
    std::int64_t const hidden = config_.hidden_size, inner = config_.intermediate_size;
    auto const name = [&](std::string const& part) {
        return fmt::format("{}{}.{}.weight", prefix, expert, part);
    };
    auto const& names = traits_.expert_names;
    auto const gate_up = into.gate_up[slot];
    source_.fill({name(names.gate), {inner, hidden}}, gate_up.narrow(0, 0, inner));
    source_.fill({name(names.up), {inner, hidden}}, gate_up.narrow(0, inner, inner));
    source_.fill({name(names.down), {hidden, inner}}, into.down[slot]);
}

void WeightReader::read_fused(std::string const& prefix, std::int64_t expert, ExpertWeights const& into,
                              std::int64_t slot) const {
    std::int64_t const hidden = config_.hidden_size, inner = config_.intermediate_size, all = config_.experts;
    source_.fill({prefix + "gate_up_proj", {all, 2 * inner, hidden}, expert * 2 * inner * hidden},
                 into.gate_up[slot]);
    source_.fill({prefix + "down_proj", {all, hidden, inner}, expert * hidden * inner}, into.down[slot]);
}

// Gate and up come in turn, and are parted here, so that all architectures compute alike.
void WeightReader::read_transposed(std::string const& prefix, std::int64_t expert, ExpertWeights const& into,
                                   std::int64_t slot) const {
    std::int64_t const hidden = config_.hidden_size, inner = config_.intermediate_size, all = config_.experts;
    auto const part_halves = [&](at::Tensor const& rows) {  // Shape: [2 x intermediate, ...]
        return at::cat({rows.slice(0, 0, std::nullopt, 2), rows.slice(0, 1, std::nullopt, 2)});
    };
    auto const read_matrix = [&](std::string const& name, std::int64_t outputs, std::int64_t inputs) {
        if (!source_.contains(name + "_blocks")) {
            auto const stored = empty({inputs, outputs});
            source_.fill({name, {all, inputs, outputs}, expert * inputs * outputs}, stored);
            return stored.t();
        }
        auto const groups = inputs / group;
        auto const blocks = at::empty({outputs, groups, 16}, at::kByte);
        auto const scales = at::empty({outputs, groups}, at::kByte);
        source_.fill_bytes({name + "_blocks", {all, outputs, groups, 16}, expert * blocks.numel()}, blocks);
        source_.fill_bytes({name + "_scales", {all, outputs, groups}, expert * scales.numel()}, scales);
        return from_mxfp4(blocks, scales);
    };
    into.gate_up[slot].copy_(part_halves(read_matrix(prefix + "gate_up_proj", 2 * inner, hidden)));
    into.down[slot].copy_(read_matrix(prefix + "down_proj", hidden, inner));
    auto const bias = empty({2 * inner});
    source_.fill({prefix + "gate_up_proj_bias", {all, 2 * inner}, expert * 2 * inner}, bias);
    into.gate_up_bias[slot].copy_(part_halves(bias));
    source_.fill({prefix + "down_proj_bias", {all, hidden}, expert * hidden}, into.down_bias[slot]);
}

void WeightReader::write_experts(std::int64_t layer, std::vector<ExpertId> const& experts,
                                 ExpertWeights const& weights, std::vector<std::size_t> const& slots,
                                 WritePart const& write) const {
    auto const prefix = moe_block(layer) + ".experts.";
    auto const layout = layout_of(layer);
    auto const interleaved = [](at::Tensor const& halves) {  // Shape: [2 x intermediate, ...]
        auto const parts = halves.chunk(2, 0);
        return at::stack({parts[0], parts[1]}, 1).reshape(halves.sizes());
    };
    for (auto const place : slots) {
        auto const expert = static_cast<std::int64_t>(index_of(experts[place]));
        auto const slot = static_cast<std::int64_t>(place);
        auto gate_up = weights.gate_up[slot], down = weights.down[slot];
        if (layout == ExpertLayout::per_expert) {
            auto const halves = gate_up.chunk(2, 0);
            auto const name = [&](std::string const& part) {
                return fmt::format("{}{}.{}.weight", prefix, expert, part);
            };
            write(name(traits_.expert_names.gate), 0, halves[0]);
            write(name(traits_.expert_names.up), 0, halves[1]);
            write(name(traits_.expert_names.down), 0, down);
            continue;
        }
        if (layout == ExpertLayout::transposed) {
            gate_up = interleaved(gate_up).t();
            down = down.t();
            auto const bias = weights.gate_up_bias[slot], down_bias = weights.down_bias[slot];
            write(prefix + "gate_up_proj_bias", expert * bias.numel(), interleaved(bias));
            write(prefix + "down_proj_bias", expert * down_bias.numel(), down_bias);
        }
        write(prefix + "gate_up_proj", expert * gate_up.numel(), gate_up);
        write(prefix + "down_proj", expert * down.numel(), down);
    }
}

}  // namespace moewire
