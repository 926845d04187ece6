#include "train/reduction.hpp"

#include <ATen/ATen.h>

namespace moewire {

void sum_in_place(std::vector<at::Tensor> const& tensors, Communicator const& communicator) {
    if (communicator.size() == 1 || tensors.empty()) return;
    std::vector<at::Tensor> flat;
    for (auto const& tensor : tensors) flat.push_back(tensor.detach().reshape({-1}));
    auto const all = at::cat(flat).to(at::TensorOptions(at::kCPU).dtype(at::kDouble)).contiguous();
    communicator.sum(std::span(all.mutable_data_ptr<double>(), static_cast<std::size_t>(all.numel())));
    std::int64_t begin = 0;
    for (auto const& tensor : tensors) {
        tensor.detach().copy_(all.narrow(0, begin, tensor.numel()).view(tensor.sizes()));
        begin += tensor.numel();
    }
}

at::Tensor sum_with_own_gradient(at::Tensor const& part, Communicator const& communicator) {
    if (communicator.size() == 1) return part;
    auto const all = part.detach().clone();
    sum_in_place({all}, communicator);
    return part + (all - part.detach());
}

}  // namespace moewire
