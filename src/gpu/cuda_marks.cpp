#include "gpu/cuda_marks.hpp"

#include <atomic>
#include <chrono>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "gpu/cuda_stream.hpp"
#include "gpu/kernels.cuh"

namespace moewire {
namespace {

constexpr double clock_limit_s = 5;

thread_local bool is_recording = false;

double host_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Host memory that a running kernel sees change, and the other way round.
class Letterbox {
  public:
    explicit Letterbox(int rounds) {
        check_cuda(
            cudaHostAlloc(reinterpret_cast<void**>(&box_), sizeof(kernels::ClockBox), cudaHostAllocMapped),
            "cudaHostAlloc");
        box_->asked = 0;
        box_->answered = 0;
        kernels::answer_clock(box_, rounds, current_stream());
        check_cuda(cudaGetLastError(), "the clock's kernel");
    }
    ~Letterbox() {
        std::atomic_ref(box_->asked).store(kernels::ClockBox::leave, std::memory_order_release);
        cudaStreamSynchronize(current_stream());
        cudaFreeHost(box_);
    }
    Letterbox(Letterbox const&) = delete;
    Letterbox& operator=(Letterbox const&) = delete;

    ClockReading ask(std::uint32_t round) {
        ClockReading reading;
        reading.host_before_s = host_s();
        std::atomic_ref(box_->asked).store(round, std::memory_order_release);
        while (std::atomic_ref(box_->answered).load(std::memory_order_acquire) != round) {
            if (host_s() - reading.host_before_s > clock_limit_s)
                throw failure("cuda", "the GPU's clock does not answer (is it hung?); look at nvidia-smi");
        }
        reading.host_after_s = host_s();
        reading.device_s = static_cast<double>(box_->time_ns) * 1e-9;
        return reading;
    }

  private:
    kernels::ClockBox* box_ = nullptr;
};

}  // namespace

GraphRecording::GraphRecording() {
    is_recording = true;
}
GraphRecording::~GraphRecording() {
    is_recording = false;
}
bool is_recording_graph() {
    return is_recording;
}

CudaMarks::CudaMarks(std::size_t count) : events_(count, nullptr) {
    check_cuda(cudaHostAlloc(reinterpret_cast<void**>(&stamps_ns_), sizeof(std::uint64_t) * (count + 1),
                             cudaHostAllocMapped),
               "cudaHostAlloc");
}

CudaMarks::~CudaMarks() {
    for (auto* const event : events_) {
        if (event != nullptr) cudaEventDestroy(event);
    }
    cudaFreeHost(stamps_ns_);
}

void CudaMarks::mark(std::size_t index) {
    MOEWIRE_EXPECT(index < events_.size());
    auto& event = events_[index];
    if (event == nullptr) check_cuda(cudaEventCreateWithFlags(&event, cudaEventDefault), "cudaEventCreate");
    // Inside a graph a plain record only orders work; an external one is timed at every replay.
    check_cuda(
        cudaEventRecordWithFlags(event, current_stream(),
                                 is_recording_graph() ? cudaEventRecordExternal : cudaEventRecordDefault),
        "cudaEventRecord");
}

void CudaMarks::stamp(std::size_t index) {
    MOEWIRE_EXPECT(index < events_.size());
    kernels::stamp(stamps_ns_ + index, current_stream());
    check_cuda(cudaGetLastError(), "a stamp's kernel");
}

double CudaMarks::seconds_between(std::size_t first, std::size_t last) const {
    float milliseconds = 0;
    check_cuda(cudaEventElapsedTime(&milliseconds, events_[first], events_[last]), "cudaEventElapsedTime");
    return static_cast<double>(milliseconds) * 1e-3;
}

double CudaMarks::stamp_s(std::size_t index) const {
    return static_cast<double>(stamps_ns_[index]) * 1e-9;
}

bool CudaMarks::is_reached(std::size_t index) const {
    auto const code = cudaEventQuery(events_[index]);
    if (code == cudaErrorNotReady) return false;
    check_cuda(code, "cudaEventQuery");
    return true;
}

std::vector<ClockReading> read_cuda_clock(int rounds) {
    std::vector<ClockReading> readings;
    Letterbox box(rounds);
    for (int round = 1; round <= rounds; ++round)
        readings.push_back(box.ask(static_cast<std::uint32_t>(round)));
    return readings;
}

}  // namespace moewire
