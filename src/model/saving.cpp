// From a model back to a folder.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "checkpoint/checkpoint_copy.hpp"
#include "model/decoder.hpp"
#include "system/agreement.hpp"

namespace moewire {
namespace {

at::ScalarType scalar_type_of(DType dtype) {
    switch (dtype) {
        case DType::F32:
            return at::kFloat;
        case DType::F16:
            return at::kHalf;
        case DType::F64:
            return at::kDouble;
        default:
            return at::kBFloat16;  // quantised checkpoints are refused before
    }
}

void write_part(CheckpointCopy& copy, Checkpoint const& like, std::string const& name,
                std::int64_t first_element, at::Tensor const& values) {
    auto const type = scalar_type_of(like.at(name).dtype);
    auto const stored = values.detach().to(at::TensorOptions(at::kCPU).dtype(type)).contiguous();
    copy.write(name, static_cast<std::uint64_t>(first_element) * stored.element_size(),
               {static_cast<std::byte const*>(stored.const_data_ptr()), stored.nbytes()});
}

// Slots of this rank that no lower rank holds a copy of: every expert is written once.
std::vector<std::size_t> slots_to_write(Assignment const& assignment, LayerId layer, RankId rank) {
    auto const experts = assignment.experts_on(layer, rank);
    std::vector<std::size_t> slots;
    for (std::size_t slot = 0; slot < experts.size(); ++slot) {
        bool is_first = std::find(experts.begin(), experts.begin() + static_cast<std::ptrdiff_t>(slot),
                                  experts[slot]) == experts.begin() + static_cast<std::ptrdiff_t>(slot);
        for (auto const lower : ids<RankId>(index_of(rank)))
            is_first = is_first && !assignment.holds(layer, lower, experts[slot]);
        if (is_first) slots.push_back(slot);
    }
    return slots;
}

}  // namespace

void Decoder::save(std::filesystem::path const& folder, ExpertParallel const& parallel) const {
    auto const& world = parallel.communicator;
    auto const& config = origin_.config;
    run_on_all(world, [&] {
        if (!origin_.checkpoint)
            throw usage_error(
                "made-up weights are not saved (their seed gives them again); keep the command line");
        if (config.quantization != Quantization::none) {
            throw usage_error(
                "quantised weights are not saved (they were made wider to compute with them); start "
                "from a checkpoint in bfloat16");
        }
        if (world.is_root()) CheckpointCopy::begin(*origin_.checkpoint, folder);
    });
    auto const& like = *origin_.checkpoint;
    auto const& bank = dynamic_cast<LoadedExperts const&>(parallel.experts);
    try {
        run_on_all(world, [&] {
            CheckpointCopy copy(like, folder);
            auto const write = [&](std::string const& name, std::int64_t first, at::Tensor const& values) {
                write_part(copy, like, name, first, values);
            };
            if (world.is_root()) {
                for (auto const& p : reader_.parameters()) write(p.name, 0, p.part(p.tensor));
            }
            for (std::size_t index = 0; index < config.moe_layers.size(); ++index) {
                auto const layer = make_id<LayerId>(index);
                reader_.write_experts(config.moe_layers[index], bank.experts(layer), bank.weights(layer),
                                      slots_to_write(parallel.assignment, layer, world.rank()), write);
            }
            copy.sync();
        });
        run_on_all(world, [&] {
            if (world.is_root()) CheckpointCopy::commit(folder);
        });
    } catch (...) {
        if (world.is_root()) CheckpointCopy::discard(folder);
        throw;
    }
}

}  // namespace moewire
