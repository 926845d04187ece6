// Events and stamps on a stream. (Of the CUDA library alone.)
#pragma once

#include <vector>

#include "gpu/cuda_check.hpp"
#include "gpu/device.hpp"

namespace moewire {

class CudaMarks : public DeviceMarks {
  public:
    explicit CudaMarks(std::size_t count);
    ~CudaMarks() override;
    CudaMarks(CudaMarks const&) = delete;
    CudaMarks& operator=(CudaMarks const&) = delete;

    void mark(std::size_t index) override;
    void stamp(std::size_t index) override;
    double seconds_between(std::size_t first, std::size_t last) const override;
    double stamp_s(std::size_t index) const override;
    bool is_reached(std::size_t index) const override;

  private:
    std::vector<cudaEvent_t> events_;     // made when first used
    std::uint64_t* stamps_ns_ = nullptr;  // pinned: the kernel writes where the host reads
};

// While one lives, what its thread puts into its current stream becomes part of a graph. Told, not asked
// of CUDA, since every event has to know it.
class GraphRecording {
  public:
    GraphRecording();
    ~GraphRecording();
    GraphRecording(GraphRecording const&) = delete;
    GraphRecording& operator=(GraphRecording const&) = delete;
};
bool is_recording_graph();

// Throws: failure, when the GPU does not answer.
std::vector<ClockReading> read_cuda_clock(int rounds);

}  // namespace moewire
