// Of the shared library: torch's side of the kernels.
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>

#include "gpu/cuda_stream.hpp"
#include "gpu/gpu.hpp"
#include "gpu/kernels.cuh"

namespace moewire {
namespace {

constexpr std::int64_t most_rows_of_one_block = 16'384;

kernels::Element element_of(at::Tensor const& tensor) {
    switch (tensor.scalar_type()) {
        case at::kFloat:
            return kernels::Element::fp32;
        case at::kBFloat16:
            return kernels::Element::bf16;
        default:
            TORCH_CHECK(tensor.scalar_type() == at::kHalf, "fp32, bf16 or fp16 is needed");
            return kernels::Element::fp16;
    }
}

void check_launch() {
    auto const problem = cudaGetLastError();
    TORCH_CHECK(problem == cudaSuccess, "a kernel did not start: ", cudaGetErrorString(problem));
}

std::int64_t row_bytes_of(at::Tensor const& rows) {
    return rows.size(1) * static_cast<std::int64_t>(rows.element_size());
}

// Beside the current stream.
struct SideStream {
    c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
    at::cuda::CUDAEvent begun, ended;
};

kernels::RowsElsewhere pointers(RowsElsewhere const& elsewhere, at::Tensor const& rows) {
    if (!elsewhere.rows.defined()) return {};
    TORCH_CHECK(elsewhere.rows.is_contiguous() && elsewhere.index.is_contiguous() &&
                elsewhere.rows.dtype() == rows.dtype() && elsewhere.rows.size(1) == rows.size(1));
    return {elsewhere.rows.const_data_ptr(), elsewhere.index.const_data_ptr<std::int64_t>(), elsewhere.begin,
            elsewhere.begin + elsewhere.index.size(0), static_cast<unsigned>(elsewhere.divisor)};
}

class CudaGpu : public Gpu {
  public:
    at::Tensor rms_norm(at::Tensor const& x, at::Tensor const& weight, double eps,
                        NormWeight order) override {
        auto const width = x.size(-1);
        auto const rows = x.reshape({-1, width});  // a view wherever rows lie evenly
        auto out = at::empty(x.sizes(), x.options());
        TORCH_CHECK(rows.stride(1) == 1 && weight.is_contiguous() && weight.dtype() == x.dtype());
        kernels::rms_norm(element_of(x), rows.const_data_ptr(), rows.stride(0), weight.const_data_ptr(),
                          out.data_ptr(), rows.size(0), width, static_cast<float>(eps),
                          order == NormWeight::before_cast, current_stream());
        check_launch();
        return out;
    }

    at::Tensor swiglu(at::Tensor const& gate_up) override {
        auto const both = gate_up.contiguous();
        auto sizes = both.sizes().vec();
        sizes.back() /= 2;
        auto out = at::empty(sizes, both.options());
        auto const width = sizes.back();
        kernels::swiglu(element_of(both), both.const_data_ptr(), out.data_ptr(),
                        width == 0 ? 0 : out.numel() / width, width, current_stream());
        check_launch();
        return out;
    }

    at::Tensor rotate(at::Tensor const& x, at::Tensor const& cos, at::Tensor const& sin,
                      Pairs pairs) override {
        TORCH_CHECK(x.dim() == 4 && x.stride(3) == 1 && cos.is_contiguous() && sin.is_contiguous() &&
                    cos.dtype() == x.dtype());
        auto out = at::empty(x.sizes(), x.options().memory_format(at::MemoryFormat::Contiguous));
        kernels::rotate(element_of(x), x.const_data_ptr(), cos.const_data_ptr(), sin.const_data_ptr(),
                        out.data_ptr(),
                        {x.size(0), x.size(1), x.size(2), x.size(3) / 2, x.stride(0), x.stride(1),
                         x.stride(2), pairs == Pairs::neighbours},
                        current_stream());
        check_launch();
        return out;
    }

    GpuOrder sort_by_slot(at::Tensor const& slots, std::int64_t slot_count) override {
        auto const rows = slots.size(0);
        if (rows > most_rows_of_one_block) {
            auto const order = at::argsort(slots, /*stable=*/true, /*dim=*/0, /*descending=*/false);
            auto const place = at::empty_like(order).scatter_(0, order, at::arange(rows, order.options()));
            auto const ends =
                at::searchsorted(slots.index_select(0, order), at::arange(slot_count, slots.options()),
                                 /*out_int32=*/true, /*right=*/true);
            return {order, place, ends};
        }
        auto const order = at::empty_like(slots), place = at::empty_like(slots);
        auto const ends = at::empty({slot_count}, slots.options().dtype(at::kInt));
        kernels::sort_by_slot(slots.const_data_ptr<std::int64_t>(), rows, slot_count,
                              order.mutable_data_ptr<std::int64_t>(), place.mutable_data_ptr<std::int64_t>(),
                              ends.mutable_data_ptr<std::int32_t>(), current_stream());
        check_launch();
        return {order, place, ends};
    }

    at::Tensor weighted_sum(at::Tensor const& results, at::Tensor const& place, at::Tensor const& weights,
                            RowsElsewhere const& elsewhere) override {
        auto const rows = results.contiguous(), shares = weights.contiguous();
        auto out = at::empty({weights.size(0), rows.size(1)}, rows.options());
        bool const fp32 = shares.scalar_type() == at::kFloat;
        TORCH_CHECK(fp32 || shares.dtype() == rows.dtype());
        kernels::weighted_sum(element_of(rows), rows.const_data_ptr(), place.const_data_ptr<std::int64_t>(),
                              shares.const_data_ptr(), fp32, out.data_ptr(), weights.size(0), weights.size(1),
                              rows.size(1), pointers(elsewhere, rows), current_stream());
        check_launch();
        return out;
    }

    at::Tensor take_rows(at::Tensor const& rows, at::Tensor const& index, std::int64_t divisor,
                         SlotRange const& left_out) override {
        auto const all = rows.contiguous();
        auto out = at::empty({index.size(0), all.size(1)}, all.options());
        kernels::RowPart part;
        if (left_out.first < left_out.last) {
            TORCH_CHECK(left_out.last <= left_out.slot_end.size(0));
            part = {0, 0, left_out.slot_end.const_data_ptr<std::int32_t>(), left_out.first, left_out.last};
        }
        kernels::take_rows(all.const_data_ptr(), index.const_data_ptr<std::int64_t>(), divisor,
                           out.data_ptr(), part, out.size(0), row_bytes_of(all), current_stream());
        check_launch();
        return out;
    }

    at::Tensor take_rows(at::Tensor const& rows, at::Tensor const& index,
                         RowsElsewhere const& elsewhere) override {
        TORCH_CHECK(rows.is_contiguous());
        auto out = at::empty({index.size(0), rows.size(1)}, rows.options());
        kernels::take_rows(rows.const_data_ptr(), index.const_data_ptr<std::int64_t>(),
                           pointers(elsewhere, rows), out.data_ptr(), out.size(0), row_bytes_of(rows),
                           current_stream());
        check_launch();
        return out;
    }

    at::Tensor put_rows(at::Tensor const& rows, at::Tensor const& index, RowRange left_out) override {
        auto const all = rows.contiguous();
        TORCH_CHECK(index.size(0) == all.size(0));
        auto out = at::empty_like(all);
        kernels::put_rows(all.const_data_ptr(), index.const_data_ptr<std::int64_t>(), out.data_ptr(),
                          {left_out.begin, left_out.end}, all.size(0), row_bytes_of(all), current_stream());
        check_launch();
        return out;
    }

    void fork() override {
        if (!side_) side_.emplace();
        side_->begun.record();
        side_->begun.block(side_->stream);
    }

    void beside(std::function<void()> const& work) override {
        TORCH_CHECK(side_);
        c10::cuda::CUDAStreamGuard const guard(side_->stream);
        work();
    }

    void join() override {
        side_->ended.record(side_->stream);
        side_->ended.block(c10::cuda::getCurrentCUDAStream());
    }

    at::Tensor fetch(at::Tensor const& values) override {
        auto there = at::empty(values.sizes(), values.options().device(at::kCPU).pinned_memory(true));
        there.copy_(values, /*non_blocking=*/true);
        fetched_.record();
        return there;
    }

    void await_fetched() override { fetched_.synchronize(); }

    at::Tensor expand_segments(at::Tensor const& start, at::Tensor const& end, std::int64_t count) override {
        auto out = at::empty({count}, start.options());
        kernels::expand_segments(start.const_data_ptr<std::int64_t>(), end.const_data_ptr<std::int64_t>(),
                                 start.size(0), out.mutable_data_ptr<std::int64_t>(), count,
                                 current_stream());
        check_launch();
        return out;
    }

  private:
    std::optional<SideStream> side_;
    at::cuda::CUDAEvent fetched_;
};

}  // namespace
}  // namespace moewire

extern "C" moewire::Gpu* moewire_make_gpu_6() {
    static auto* const gpu = new moewire::CudaGpu;  // never destroyed, as the driver may be gone before
    return gpu;
}
