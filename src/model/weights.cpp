#include "model/weights.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"

namespace moewire {
namespace {

at::ScalarType scalar_type_of(TensorInfo const& info) {
    switch (info.dtype) {
        case DType::F32:
            return at::kFloat;
        case DType::BF16:
            return at::kBFloat16;
        case DType::F16:
            return at::kHalf;
        case DType::F64:
            return at::kDouble;
        default:
            throw input_error(
                "model",
                fmt::format("tensor {} has dtype {} (weights must be F32, BF16, F16 or F64); convert "
                            "the checkpoint",
                            info.name, name_of(info.dtype)));
    }
}

std::string layer_name(std::size_t layer) {
    return fmt::format("model.layers.{}", layer);
}

}  // namespace

WeightReader::WeightReader(Checkpoint const& checkpoint, ModelConfig const& config, Traits const& traits,
                           at::ScalarType dtype)
    : checkpoint_(checkpoint), config_(config), traits_(traits), dtype_(dtype) {}

TensorInfo const& WeightReader::checked(std::string const& name,
                                        std::vector<std::int64_t> const& shape) const {
    auto const& info = checkpoint_.at(name);
    if (info.shape != shape) {
        throw input_error(
            "model", fmt::format("tensor {} has shape [{}], but config.json implies [{}] (they do not belong "
                                 "together); use the config of this checkpoint",
                                 name, fmt::join(info.shape, ", "), fmt::join(shape, ", ")));
    }
    return info;
}

void WeightReader::read_into(at::Tensor target, std::string const& name, TensorInfo const& info,
                             std::uint64_t first_byte) const {
    auto const type = scalar_type_of(info);
    // Straight into place where no conversion is needed.
    auto staging = type == dtype_ && target.is_contiguous() ? target : at::empty(target.sizes(), type);
    checkpoint_.read(name, first_byte, {static_cast<std::byte*>(staging.data_ptr()), staging.nbytes()});
    if (!staging.is_same(target)) target.copy_(staging);
}

at::Tensor WeightReader::read(std::string const& name, std::vector<std::int64_t> const& shape) const {
    auto const& info = checked(name, shape);
    auto tensor = at::empty(shape, dtype_);
    read_into(tensor, name, info, 0);
    read_names_.insert(name);
    return tensor;
}

bool WeightReader::has_place_for(std::string const& name) const {
    if (read_names_.contains(name) || name.ends_with("rotary_emb.inv_freq")) return true;
    if (name == "lm_head.weight" && config_.tie_word_embeddings) return true;
    for (std::size_t layer = 0; layer < static_cast<std::size_t>(config_.layers); ++layer) {
        auto const prefix = moe_block(layer) + ".experts.";
        if (!name.starts_with(prefix)) continue;
        auto const rest = name.substr(prefix.size());
        // Fused tensors name no expert; their shape is checked when they are read.
        if (rest == "gate_up_proj" || rest == "down_proj") return true;
        auto const number = rest.substr(0, rest.find('.'));
        auto const is_number = !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
        return is_number && number.size() < 9 && std::stoll(number) < config_.experts;
    }
    return false;
}

std::string WeightReader::first_existing(std::vector<std::string> const& names) const {
    for (auto const& name : names) {
        if (checkpoint_.contains(name)) return name;
    }
    throw input_error(
        "model", fmt::format("none of the tensors {} is in the checkpoint (the model cannot run without it); "
                             "complete the download",
                             fmt::join(names, ", ")));
}

std::string WeightReader::moe_block(std::size_t layer) const {
    std::vector<std::string> candidates;
    for (auto const& block : traits_.moe_blocks) {
        for (auto const& router : traits_.router_names) {
            candidates.push_back(fmt::format("{}.{}.{}", layer_name(layer), block, router));
        }
    }
    auto const found = first_existing(candidates);
    for (auto const& block : traits_.moe_blocks) {
        auto const prefix = fmt::format("{}.{}", layer_name(layer), block);
        if (found.starts_with(prefix + ".")) return prefix;
    }
    return found;
}

WeightReader::Experts WeightReader::read_experts(std::size_t layer,
                                                 std::vector<ExpertId> const& experts) const {
    std::int64_t const hidden = config_.hidden_size, inner = config_.intermediate_size, all = config_.experts;
    auto const count = static_cast<std::int64_t>(experts.size());
    Experts read{at::empty({count, 2 * inner, hidden}, dtype_), at::empty({count, hidden, inner}, dtype_)};
    auto const prefix = moe_block(layer) + ".experts.";
    bool const fused = checkpoint_.contains(prefix + "gate_up_proj");
    for (std::int64_t i = 0; i < count; ++i) {
        auto const expert = index_of(experts[static_cast<std::size_t>(i)]);
        auto const gate_up = read.gate_up[i], down = read.down[i];
        if (fused) {
            auto const& up_info = checked(prefix + "gate_up_proj", {all, 2 * inner, hidden});
            auto const& down_info = checked(prefix + "down_proj", {all, hidden, inner});
            auto const share = [&](TensorInfo const& info) {
                return info.bytes() / static_cast<std::uint64_t>(all);
            };
            read_into(gate_up, up_info.name, up_info, expert * share(up_info));
            read_into(down, down_info.name, down_info, expert * share(down_info));
            continue;
        }
        auto const name = [&](std::string const& part) {
            return fmt::format("{}{}.{}.weight", prefix, expert, part);
        };
        auto const& names = traits_.expert_names;
        read_into(gate_up.narrow(0, 0, inner), name(names.gate), checked(name(names.gate), {inner, hidden}),
                  0);
        read_into(gate_up.narrow(0, inner, inner), name(names.up), checked(name(names.up), {inner, hidden}),
                  0);
        read_into(down, name(names.down), checked(name(names.down), {hidden, inner}), 0);
    }
    return read;
}

}  // namespace moewire
