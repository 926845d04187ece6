// Of the shared library: memory, order and graphs.
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <fmt/format.h>

#include "gpu/cuda_check.hpp"
#include "gpu/cuda_marks.hpp"
#include "gpu/cuda_nccl.hpp"
#include "gpu/cuda_state.hpp"
#include "gpu/cuda_stream.hpp"
#include "gpu/device.hpp"
#include "gpu/kernels.cuh"

namespace moewire {
namespace {

class CudaBuffer : public DeviceBuffer {
  public:
    CudaBuffer(std::size_t bytes, DeviceMemory where) : where_(where), size_(bytes) {
        auto const room = std::max<std::size_t>(bytes, 1);
        if (where == DeviceMemory::device) check_cuda(cudaMalloc(&at_, room), "cudaMalloc");
        if (where == DeviceMemory::pinned) check_cuda(cudaMallocHost(&at_, room), "cudaMallocHost");
        if (where == DeviceMemory::registrable) check_nccl(ncclMemAlloc(&at_, room), "ncclMemAlloc");
    }
    ~CudaBuffer() override {
        if (where_ == DeviceMemory::device) cudaFree(at_);
        if (where_ == DeviceMemory::pinned) cudaFreeHost(at_);
        if (where_ == DeviceMemory::registrable) ncclMemFree(at_);
    }
    CudaBuffer(CudaBuffer const&) = delete;
    CudaBuffer& operator=(CudaBuffer const&) = delete;
    std::span<std::byte> bytes() const override { return {static_cast<std::byte*>(at_), size_}; }

  private:
    DeviceMemory where_;
    std::size_t size_;
    void* at_ = nullptr;
};

class CapturedGraph : public GpuGraph {
  public:
    explicit CapturedGraph(std::function<void()> const& work) {
        c10::cuda::getCurrentCUDAStream().synchronize();
        c10::cuda::CUDAStreamGuard const aside(c10::cuda::getStreamFromPool());
        // Other threads (NCCL's, the watchdog's) may do what cannot be recorded.
        graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
        {
            GraphRecording const recording;
            work();
        }
        graph_.capture_end();
    }
    void replay() override { graph_.replay(); }

  private:
    at::cuda::CUDAGraph graph_;
};

std::string version_text(int version) {
    return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

class CudaDevice : public Device {
  public:
    int count() const override { return c10::cuda::device_count(); }
    void select(int index) override {
        at::globalContext().lazyInitDevice(at::kCUDA);
        use_own_stream(index);
    }
    DeviceFacts facts() const override;
    DeviceState state() const override { return state_of(facts().pci_bus_id); }
    std::int64_t peak_memory_bytes() const override {
        auto const stats = c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
        return stats.allocated_bytes[0].peak;
    }

    std::unique_ptr<DeviceBuffer> allocate(std::size_t bytes, DeviceMemory where) override {
        return std::make_unique<CudaBuffer>(bytes, where);
    }
    void copy(void* to, void const* from, std::size_t bytes) override {
        if (bytes == 0) return;
        check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, current_stream()), "cudaMemcpyAsync");
    }
    void fill(void* at, std::byte value, std::size_t bytes) override {
        if (bytes == 0) return;
        check_cuda(cudaMemsetAsync(at, static_cast<int>(value), bytes, current_stream()), "cudaMemsetAsync");
    }
    void spin(double seconds) override {
        kernels::spin(static_cast<std::uint64_t>(seconds * 1e9), current_stream());
        check_cuda(cudaGetLastError(), "a delay's kernel");
    }
    void displace_cache() override {
        auto const wanted = static_cast<std::size_t>(2 * facts().l2_bytes);
        if (!other_ || other_->bytes().size() < wanted) other_ = allocate(wanted, DeviceMemory::device);
        fill(other_->bytes().data(), std::byte{0}, wanted);
    }

    void synchronise() override {
        check_cuda(cudaStreamSynchronize(current_stream()), "cudaStreamSynchronize");
    }
    bool is_idle() override {
        auto const code = cudaStreamQuery(current_stream());
        if (code == cudaErrorNotReady) return false;
        check_cuda(code, "cudaStreamQuery");
        return true;
    }
    bool is_recording() override { return is_recording_graph(); }
    std::unique_ptr<GpuGraph> capture(std::function<void()> const& work) override {
        return std::make_unique<CapturedGraph>(work);
    }
    std::unique_ptr<DeviceMarks> make_marks(std::size_t count) override {
        return std::make_unique<CudaMarks>(count);
    }
    std::vector<ClockReading> read_clock(int rounds) override { return read_cuda_clock(rounds); }

    NcclFacts nccl_facts() const override { return facts_of_nccl(); }
    std::string make_nccl_id() const override { return new_nccl_id(); }
    std::unique_ptr<Nccl> connect(std::string const& id, int rank, int size, double limit_s) override {
        return connect_nccl(id, rank, size, limit_s);
    }

  private:
    std::unique_ptr<DeviceBuffer> other_;  // what displaces the cache
};

DeviceFacts CudaDevice::facts() const {
    DeviceFacts facts;
    check_cuda(cudaGetDevice(&facts.index), "cudaGetDevice");
    cudaDeviceProp properties{};
    check_cuda(cudaGetDeviceProperties(&properties, facts.index), "cudaGetDeviceProperties");
    facts.name = properties.name;
    facts.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
    facts.l2_bytes = properties.l2CacheSize;
    facts.multiprocessors = properties.multiProcessorCount;
    facts.uuid = "GPU-";
    for (char const byte : properties.uuid.bytes)
        facts.uuid += fmt::format("{:02x}", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    facts.pci_bus_id = fmt::format("{:08x}:{:02x}:{:02x}.0", properties.pciDomainID, properties.pciBusID,
                                   properties.pciDeviceID);
    int clock_khz = 0, bus_bits = 0;
    check_cuda(cudaDeviceGetAttribute(&clock_khz, cudaDevAttrMemoryClockRate, facts.index),
               "cudaDeviceGetAttribute");
    check_cuda(cudaDeviceGetAttribute(&bus_bits, cudaDevAttrGlobalMemoryBusWidth, facts.index),
               "cudaDeviceGetAttribute");
    facts.memory_bytes_per_s = 2.0 * clock_khz * 1e3 * bus_bits / 8;  // both edges of the clock
    auto const links = nv_links_of(facts.pci_bus_id);
    facts.links = links.count;
    facts.link_bytes_per_s = links.bytes_per_s;
    int version = 0;
    check_cuda(cudaDriverGetVersion(&version), "cudaDriverGetVersion");
    facts.driver = version_text(version);
    check_cuda(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
    facts.runtime = version_text(version);
    return facts;
}

}  // namespace
}  // namespace moewire

extern "C" moewire::Device* moewire_make_device_3() {
    static moewire::CudaDevice device;
    return &device;
}
