// Where do weights come from? A checkpoint on disk, or numbers made up for a published geometry.
// (Inside the model room only.)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "checkpoint/checkpoint.hpp"
#include "checkpoint/config.hpp"
#include "model/language_model.hpp"

namespace moewire {

// Some consecutive elements of one named tensor.
struct TensorPart {
    std::string name;
    std::vector<std::int64_t> shape;  // of the whole tensor
    std::int64_t first_element = 0;
};

class WeightSource {
  public:
    virtual ~WeightSource() = default;

    virtual bool contains(std::string const& name) const = 0;

    // To be asked before memory is: a config.json may imply sizes that no file has. Throws: usage (source
    // "model"), when the tensor is absent or of another shape.
    virtual void check(TensorPart const& part) const = 0;

    // Fills `target`, a contiguous tensor of any float type on any device, with its numel() elements from
    // `part` on; nothing else is read, and host memory beyond a few MiB is not needed (but for quantised
    // tensors). Throws: usage (source "model"), when the tensor is absent, of another shape, or no float.
    virtual void fill(TensorPart const& part, at::Tensor const& target) const = 0;

    // Raw bytes of a tensor that is not a float type (MXFP4's). `target`: uint8, contiguous.
    virtual void fill_bytes(TensorPart const& part, at::Tensor const& target) const = 0;

    virtual std::vector<std::string> names() const = 0;  // sorted; empty, where anything may be asked for
    virtual std::uint64_t bytes_read() const = 0;
    virtual std::string digest() const = 0;  // equal digests, equal weights
};

// Float tensors in any float type, and F8_E4M3 with a scale a tile ("<name>_scale_inv"). `checkpoint` must
// outlive the source.
std::unique_ptr<WeightSource> checkpoint_source(Checkpoint const& checkpoint, ModelConfig const& config);

// Numbers from the seed and the tensor's name, so that every rank makes the same expert alike. Linear layers:
// normal, variance 1 / inputs. The embedding has a common direction, along which the router's rows differ by
// `router_skew`: 0 makes no expert more popular than another.
std::unique_ptr<WeightSource> synthetic_source(ModelConfig const& config, SyntheticWeights const& wanted);

}  // namespace moewire
