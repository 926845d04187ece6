// What does a GPU compute between the matrix products, and how is it reached? CUDA lives in a shared library
// of its own beside the program, loaded when a GPU is asked for: nothing else needs it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <ATen/core/Tensor.h>

namespace moewire {

// Work recorded once and launched as a whole.
class GpuGraph {
  public:
    virtual ~GpuGraph() = default;
    virtual void replay() = 0;  // Stream: the current one
};

// Rows of (token, choice) sorted by slot.
struct GpuOrder {
    at::Tensor order;     // Shape: [row], int64; the (token, choice) of each row in slot order; stable
    at::Tensor place;     // Shape: [token x choice], int64; its row
    at::Tensor slot_end;  // Shape: [slot], int32; one past the slot's last row
};

// All functions work on the current stream, never wait for the device (but synchronise()), take memory from
// the caching allocator and can be part of a graph. fp32, bf16 or fp16; sums in fp32.
class Gpu {
  public:
    virtual ~Gpu() = default;

    virtual int device_count() const = 0;
    virtual void select(int index) = 0;
    virtual std::string name() const = 0;  // of the selected device
    virtual void synchronise() = 0;
    virtual std::int64_t peak_memory_bytes() const = 0;  // of tensors, since the start

    // Runs `work` on a stream of its own while recording it. Throws: c10::Error, when it waits for the
    // device or does anything else that cannot be recorded.
    virtual std::unique_ptr<GpuGraph> capture(std::function<void()> const& work) = 0;

    // Shape of `x`: [..., width], the last dimension contiguous. `wide_weight`: times the weight before the
    // cast.
    enum class NormWeight { after_cast, before_cast };
    virtual at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps,
                                NormWeight order) = 0;

    // Shape: [row, 2 x width] -> [row, width]: silu(gate) * up.
    virtual at::Tensor swiglu(at::Tensor const& gate_up) = 0;

    // Shape of `x`: [sequence, position, head, dim], any strides but the last; of the tables [position,
    // dim/2]. The result is contiguous, halves together.
    enum class Pairs { halves, neighbours };
    virtual at::Tensor rotate(at::Tensor const& x, at::Tensor const& cos, at::Tensor const& sin,
                              Pairs pairs) = 0;

    // Shape of `slots`: [token x choice], int64, below slot_count.
    virtual GpuOrder sort_by_slot(at::Tensor const& slots, std::int64_t slot_count) = 0;

    // Shapes: `results` [row, hidden], `place` as above, `weights` [token, choice] -> [token, hidden].
    virtual at::Tensor weighted_sum(at::Tensor const& results, at::Tensor const& place,
                                    at::Tensor const& weights) = 0;
};

// Loads the library and selects the device. Later calls may select another. Throws: unavailable (exit code
// 3), when the library, a driver or the device is missing.
Gpu& use_gpu(int index);

// The one in use. Throws: contract, before use_gpu.
Gpu& gpu();

}  // namespace moewire
