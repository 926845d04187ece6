#include "model/weights.hpp"

#include <algorithm>
#include <charconv>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"

namespace moewire {
namespace {

std::string layer_name(std::int64_t layer) {
    return fmt::format("model.layers.{}", layer);
}

// Whether a tensor belongs to one of the `count` layers from `first` on.
bool is_of_layers(std::string const& name, std::int64_t first, std::int64_t count) {
    constexpr std::string_view prefix = "model.layers.";
    if (!name.starts_with(prefix)) return false;
    std::int64_t layer = -1;
    auto const* const end = name.data() + name.size();
    auto const [rest, problem] = std::from_chars(name.data() + prefix.size(), end, layer);
    return problem == std::errc{} && rest != end && *rest == '.' && layer >= first && layer < first + count;
}

}  // namespace

WeightReader::WeightReader(WeightSource const& source, ModelConfig const& config, Traits const& traits,
                           Placement placement)
    : source_(source), config_(config), traits_(traits), placement_(placement) {}

at::Tensor WeightReader::empty(std::vector<std::int64_t> const& shape) const {
    return at::empty(shape, at::TensorOptions(placement_.device).dtype(placement_.dtype));
}

at::Tensor WeightReader::read(std::string const& name, std::vector<std::int64_t> const& shape) const {
    source_.check({name, shape, 0});
    auto const tensor = empty(shape);
    source_.fill({name, shape, 0}, tensor);
    read_names_.insert(name);
    parameters_.push_back({name, tensor, 0, shape.front()});
    return tensor;
}

at::Tensor WeightReader::read_wide(std::string const& name, std::vector<std::int64_t> const& shape) const {
    source_.check({name, shape, 0});
    auto const tensor = at::empty(shape, at::TensorOptions(placement_.device).dtype(at::kFloat));
    source_.fill({name, shape, 0}, tensor);
    read_names_.insert(name);
    parameters_.push_back({name, tensor, 0, shape.front()});
    return tensor;
}

at::Tensor WeightReader::read_stacked(std::vector<Rows> const& parts, std::int64_t columns) const {
    std::int64_t rows = 0;
    for (auto const& part : parts) rows += part.count;
    auto const shape_of = [&](std::int64_t count) {
        return columns > 0 ? std::vector{count, columns} : std::vector{count};
    };
    for (auto const& part : parts) source_.check({part.name, shape_of(part.count), 0});
    auto const tensor = empty(shape_of(rows));
    std::int64_t begin = 0;
    for (auto const& part : parts) {
        source_.fill({part.name, shape_of(part.count), 0}, tensor.narrow(0, begin, part.count));
        read_names_.insert(part.name);
        parameters_.push_back({part.name, tensor, begin, part.count});
        begin += part.count;
    }
    return tensor;
}

bool WeightReader::is_expert_tensor(std::string const& name) const {
    for (auto const layer : config_.moe_layers) {
        if (!name.starts_with(layer_name(layer) + ".")) continue;
        auto const prefix = moe_block(layer) + ".experts.";
        if (!name.starts_with(prefix)) return false;
        auto rest = name.substr(prefix.size());
        // Fused tensors name no expert; their shape is checked when they are read.
        for (auto const* part : {"gate_up_proj", "down_proj"}) {
            if (rest == part) return true;
            if (!traits_.expert_bias || !rest.starts_with(part)) continue;
            auto const ending = rest.substr(std::string(part).size());
            if (ending == "_bias" || ending == "_blocks" || ending == "_scales") return true;
        }
        auto const number = rest.substr(0, rest.find('.'));
        auto const is_number = !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
        return is_number && number.size() < 9 && std::stoll(number) < config_.experts;
    }
    return false;
}

bool WeightReader::has_place_for(std::string const& name) const {
    if (read_names_.contains(name) || name.ends_with("rotary_emb.inv_freq")) return true;
    if (name == "lm_head.weight" && config_.tie_word_embeddings) return true;
    constexpr std::string_view scale = "_scale_inv";
    if (config_.quantization == Quantization::fp8 && name.ends_with(scale))
        return has_place_for(name.substr(0, name.size() - scale.size()));
    // Layers that predict further tokens ahead are not run.
    return is_of_layers(name, config_.layers, config_.predictor_layers) || is_expert_tensor(name);
}

std::string WeightReader::first_existing(std::vector<std::string> const& names) const {
    for (auto const& name : names) {
        if (source_.contains(name)) return name;
    }
    throw input_error(
        "model", fmt::format("none of the tensors {} is in the checkpoint (the model cannot run without it); "
                             "complete the download",
                             fmt::join(names, ", ")));
}

std::string WeightReader::moe_block(std::int64_t layer) const {
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

}  // namespace moewire
