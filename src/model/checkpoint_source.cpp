#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.hpp"
#include "model/weight_source.hpp"

namespace moewire {
namespace {

// Small beside any rank's weights, large beside the cost of a read.
constexpr std::int64_t chunk_bytes = 4 << 20;

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
        case DType::F8_E4M3:
            return at::kFloat8_e4m3fn;
        default:
            throw input_error(
                "model",
                fmt::format("tensor {} has dtype {} (weights must be F32, BF16, F16 or F64); convert "
                            "the checkpoint",
                            info.name, name_of(info.dtype)));
    }
}

class CheckpointSource : public WeightSource {
  public:
    CheckpointSource(Checkpoint const& checkpoint, ModelConfig const& config)
        : checkpoint_(checkpoint), config_(config) {}

    bool contains(std::string const& name) const override { return checkpoint_.contains(name); }
    std::vector<std::string> names() const override { return checkpoint_.names(); }
    std::uint64_t bytes_read() const override { return checkpoint_.bytes_read(); }
    std::string digest() const override { return checkpoint_.digest(); }

    void check(TensorPart const& part) const override { checked(part); }

    void fill(TensorPart const& part, at::Tensor const& target) const override {
        auto const& info = checked(part);
        auto const type = scalar_type_of(info);
        if (type == at::kFloat8_e4m3fn) {
            fill_from_fp8(part, info, target);
            return;
        }
        auto const width = static_cast<std::int64_t>(at::elementSize(type));
        auto const flat = target.view({-1});
        auto const count = std::max<std::int64_t>(1, chunk_bytes / width);
        auto const chunks = (flat.numel() + count - 1) / count;
        // Several reads at once: one alone waits for fresh memory as long as for the disk.
        at::parallel_for(0, chunks, 1, [&](std::int64_t begin, std::int64_t end) {
            for (auto chunk = begin; chunk < end; ++chunk) {
                auto const first = chunk * count;
                read_chunk(info, part.first_element + first, type,
                           flat.narrow(0, first, std::min(count, flat.numel() - first)));
            }
        });
    }

    void fill_bytes(TensorPart const& part, at::Tensor const& target) const override {
        auto const& info = checked(part);
        if (info.dtype != DType::U8) {
            throw input_error("model", fmt::format("tensor {} has dtype {} (U8 blocks are expected); convert "
                                                   "the checkpoint",
                                                   part.name, name_of(info.dtype)));
        }
        checkpoint_.read(part.name, static_cast<std::uint64_t>(part.first_element),
                         {static_cast<std::byte*>(target.data_ptr()), target.nbytes()});
    }

  private:
    TensorInfo const& checked(TensorPart const& part) const {
        auto const& info = checkpoint_.at(part.name);
        if (info.shape == part.shape) return info;
        throw input_error(
            "model", fmt::format("tensor {} has shape [{}], but config.json implies [{}] (they do not belong "
                                 "together); use the config of this checkpoint",
                                 part.name, fmt::join(info.shape, ", "), fmt::join(part.shape, ", ")));
    }

    // Straight into place where no conversion is needed.
    void read_chunk(TensorInfo const& info, std::int64_t first, at::ScalarType type,
                    at::Tensor const& target) const {
        bool const in_place = type == target.scalar_type() && target.is_cpu();
        auto const staging = in_place ? target : at::empty(target.sizes(), type);
        checkpoint_.read(
            info.name, static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(at::elementSize(type)),
            {static_cast<std::byte*>(staging.data_ptr()), staging.nbytes()});
        if (!in_place) target.copy_(staging);
    }

    // Each tile of fp8_block elements has one scale. Source: DeepSeek-V3's inference code, weight_dequant.
    void fill_from_fp8(TensorPart const& part, TensorInfo const& info, at::Tensor const& target) const {
        auto const scale_name = part.name + "_scale_inv";
        if (info.shape.size() != 2 || part.first_element != 0 || target.numel() != info.elements() ||
            !checkpoint_.contains(scale_name)) {
            throw input_error("model",
                              fmt::format("tensor {} has dtype F8_E4M3 without {} (its values cannot be "
                                          "told); complete the checkpoint",
                                          part.name, scale_name));
        }
        auto const rows = info.shape[0], columns = info.shape[1];
        auto const [tile_rows, tile_columns] = config_.fp8_block;
        auto const stored = at::empty({rows, columns}, at::kFloat8_e4m3fn);
        checkpoint_.read(part.name, 0, {static_cast<std::byte*>(stored.data_ptr()), stored.nbytes()});
        auto const scales = at::empty(
            {(rows + tile_rows - 1) / tile_rows, (columns + tile_columns - 1) / tile_columns}, at::kFloat);
        fill({scale_name, scales.sizes().vec(), 0}, scales);
        for (std::int64_t tile = 0; tile < scales.size(0); ++tile) {
            auto const begin = tile * tile_rows, count = std::min(tile_rows, rows - begin);
            auto const scale = scales[tile].repeat_interleave(tile_columns).narrow(0, 0, columns);
            target.view({rows, columns})
                .narrow(0, begin, count)
                .copy_(stored.narrow(0, begin, count).to(at::kFloat) * scale);
        }
    }

    Checkpoint const& checkpoint_;
    ModelConfig const& config_;
};

}  // namespace

std::unique_ptr<WeightSource> checkpoint_source(Checkpoint const& checkpoint, ModelConfig const& config) {
    return std::make_unique<CheckpointSource>(checkpoint, config);
}

}  // namespace moewire
