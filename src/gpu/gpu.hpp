// What does a GPU compute between the matrix products? Kernels over tensors.
#pragma once

#include <cstdint>
#include <functional>

#include <ATen/core/Tensor.h>

namespace moewire {

// Rows of (token, choice) sorted by slot.
struct GpuOrder {
    at::Tensor order;     // Shape: [row], int64; the (token, choice) of each row in slot order; stable
    at::Tensor place;     // Shape: [token x choice], int64; its row
    at::Tensor slot_end;  // Shape: [slot], int32; one past the slot's last row
};

// Rows begin .. end - 1 of a result.
struct RowRange {
    std::int64_t begin = 0, end = 0;
};

// The rows of slots first .. last - 1, where the device alone knows yet how many they are.
struct SlotRange {
    at::Tensor slot_end = {};  // as in GpuOrder
    std::int64_t first = 0, last = 0;
};

// Rows of a table that lie elsewhere: its row begin + i is row index[i] / divisor of `rows`.
struct RowsElsewhere {
    at::Tensor rows = {};   // Shape: [n, hidden]
    at::Tensor index = {};  // Shape: [row], int64
    std::int64_t divisor = 1, begin = 0;
};

// All functions work on the current stream, never wait for the device, take memory from the caching allocator
// and can be part of a graph. fp32, bf16 or fp16; sums in fp32.
class Gpu {
  public:
    virtual ~Gpu() = default;

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
                                    at::Tensor const& weights, RowsElsewhere const& elsewhere) = 0;
    at::Tensor weighted_sum(at::Tensor const& results, at::Tensor const& place, at::Tensor const& weights) {
        return weighted_sum(results, place, weights, {});
    }

    // Copies of rows: result[i] = rows[index[i] / divisor]. Shapes: [n, hidden], int64 [row] -> [row,
    // hidden]. Rows left out are not defined in the result.
    virtual at::Tensor take_rows(at::Tensor const& rows, at::Tensor const& index, std::int64_t divisor,
                                 SlotRange const& left_out) = 0;
    at::Tensor take_rows(at::Tensor const& rows, at::Tensor const& index, std::int64_t divisor) {
        return take_rows(rows, index, divisor, SlotRange{});
    }
    // The same with divisor 1, some rows lying elsewhere.
    virtual at::Tensor take_rows(at::Tensor const& rows, at::Tensor const& index,
                                 RowsElsewhere const& elsewhere) = 0;

    // The way back of a permutation: result[index[i]] = rows[i].
    virtual at::Tensor put_rows(at::Tensor const& rows, at::Tensor const& index, RowRange left_out) = 0;
    at::Tensor put_rows(at::Tensor const& rows, at::Tensor const& index) { return put_rows(rows, index, {}); }

    // What `work` enqueues runs at the same time as what the current stream gets meanwhile: it sees what that
    // had at fork(), and what it gets after join() sees the work. Results of the work may be freed after
    // join().
    virtual void fork() = 0;
    virtual void beside(std::function<void()> const& work) = 0;
    virtual void join() = 0;

    // A copy on the host, whole after await_fetched(): what is queued after it does not delay it. One at a
    // time.
    virtual at::Tensor fetch(at::Tensor const& values) = 0;
    virtual void await_fetched() = 0;

    // Consecutive numbers, segment by segment: segment s begins at start[s] and its rows end at end[s] of the
    // result. Shapes: int64 [segment] both -> int64 [count], where count = the last end.
    virtual at::Tensor expand_segments(at::Tensor const& start, at::Tensor const& end,
                                       std::int64_t count) = 0;
};

// Of the GPU in use (gpu/device.hpp), or what stands in for it. Throws: contract, before use_gpu.
Gpu& gpu();

// Where no GPU is, tests let another compute for tensors on the CPU, so that what is planned for a GPU runs
// there too. nullptr: nobody again. It must live until then.
void let_stand_in(Gpu* stand_in);
bool has_stand_in();

}  // namespace moewire
