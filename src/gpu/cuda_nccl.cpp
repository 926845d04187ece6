#include "gpu/cuda_nccl.hpp"

#include <atomic>
#include <chrono>
#include <cstring>
#include <dlfcn.h>
#include <future>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "gpu/cuda_check.hpp"
#include "gpu/cuda_stream.hpp"

namespace moewire {
namespace {

constexpr int multi_rank_version = 23'003;  // 2.30.3
constexpr double close_limit_s = 10;

// What the library that runs may lack, although the header that was compiled has it.
template <class Function>
Function* symbol(char const* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
}
auto* all_to_all_symbol() {
    static auto* const found = symbol<decltype(ncclAlltoAll)>("ncclAlltoAll");
    return found;
}
auto* window_symbol() {
    static auto* const found = symbol<decltype(ncclCommWindowRegister)>("ncclCommWindowRegister");
    return found;
}

class CudaNccl : public Nccl {
  public:
    CudaNccl(ncclComm_t comm, int size) : comm_(comm), size_(size) {}
    ~CudaNccl() override {
        if (aborted_.exchange(true)) return;
        // A peer may be gone: waiting for it has an end.
        auto const until = std::chrono::steady_clock::now() + std::chrono::duration<double>(close_limit_s);
        while (cudaStreamQuery(current_stream()) == cudaErrorNotReady) {
            if (problem() || std::chrono::steady_clock::now() > until) {
                ncclCommAbort(comm_);
                return;
            }
            std::this_thread::yield();
        }
        ncclCommDestroy(comm_);
    }
    CudaNccl(CudaNccl const&) = delete;
    CudaNccl& operator=(CudaNccl const&) = delete;

    void move(std::span<OutPiece const> out, std::span<InPiece const> in) override {
        auto* const stream = current_stream();
        check(ncclGroupStart(), "ncclGroupStart");
        for (auto const& piece : out) {
            check(ncclSend(piece.at, piece.bytes, ncclInt8, piece.peer, comm_, stream), "ncclSend");
        }
        for (auto const& piece : in) {
            check(ncclRecv(piece.at, piece.bytes, ncclInt8, piece.peer, comm_, stream), "ncclRecv");
        }
        check(ncclGroupEnd(), "ncclGroupEnd");
    }

    void all_to_all(std::byte const* send, std::byte* receive, std::size_t bytes_per_rank) override {
        if (bytes_per_rank == 0) return;
        if (auto* const call = all_to_all_symbol()) {
            check(call(send, receive, bytes_per_rank, ncclInt8, comm_, current_stream()), "ncclAlltoAll");
            return;
        }
        std::vector<OutPiece> out;
        std::vector<InPiece> in;
        for (int peer = 0; peer < size_; ++peer) {
            auto const at = static_cast<std::size_t>(peer) * bytes_per_rank;
            out.push_back({peer, send + at, bytes_per_rank});
            in.push_back({peer, receive + at, bytes_per_rank});
        }
        move(out, in);
    }

    void all_gather(std::byte const* send, std::byte* receive, std::size_t bytes) override {
        if (bytes == 0) return;
        check(ncclAllGather(send, receive, bytes, ncclInt8, comm_, current_stream()), "ncclAllGather");
    }

    void reduce_scatter(std::byte const* send, std::byte* receive, std::size_t bytes) override {
        MOEWIRE_EXPECT(bytes % sizeof(std::uint32_t) == 0);
        if (bytes == 0) return;
        check(ncclReduceScatter(send, receive, bytes / sizeof(std::uint32_t), ncclUint32, ncclSum, comm_,
                                current_stream()),
              "ncclReduceScatter");
    }

    std::optional<std::string> register_memory(std::span<std::byte> memory, Registration how) override {
        if (how == Registration::window) {
            auto* const call = window_symbol();
            if (call == nullptr)
                return fmt::format("NCCL {} has no windows; use 2.27 or newer",
                                   facts_of_nccl().version_text());
            ncclWindow_t window = nullptr;
            check(call(comm_, memory.data(), memory.size(), &window, NCCL_WIN_COLL_SYMMETRIC),
                  "ncclCommWindowRegister");
            return std::nullopt;
        }
        void* handle = nullptr;
        check(ncclCommRegister(comm_, memory.data(), memory.size(), &handle), "ncclCommRegister");
        return std::nullopt;
    }

    std::optional<std::string> problem() override {
        ncclResult_t state = ncclSuccess;
        if (aborted_ || ncclCommGetAsyncError(comm_, &state) != ncclSuccess)
            return "the communicator was aborted";
        if (state == ncclSuccess || state == ncclInProgress) return std::nullopt;
        return fmt::format("{}: {}", ncclGetErrorString(state), ncclGetLastError(comm_));
    }

    void give_up() override {
        if (!aborted_.exchange(true)) ncclCommAbort(comm_);
    }

  private:
    void check(ncclResult_t code, char const* call) { check_nccl(code, call, comm_); }

    ncclComm_t comm_;
    int size_;
    std::atomic<bool> aborted_ = false;
};

}  // namespace

NcclFacts facts_of_nccl() {
    NcclFacts facts;
    check_nccl(ncclGetVersion(&facts.version), "ncclGetVersion");
    facts.all_to_all = all_to_all_symbol() != nullptr;
    facts.windows = window_symbol() != nullptr;
    facts.shares_gpus = facts.version >= multi_rank_version;
    return facts;
}

std::string new_nccl_id() {
    ncclUniqueId id;
    check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId");
    return {id.internal, sizeof id.internal};
}

std::unique_ptr<Nccl> connect_nccl(std::string const& id, int rank, int size, double limit_s) {
    ncclUniqueId unique;
    MOEWIRE_EXPECT(id.size() == sizeof unique.internal);
    std::memcpy(unique.internal, id.data(), id.size());
    int gpu = 0;
    check_cuda(cudaGetDevice(&gpu), "cudaGetDevice");
    // NCCL's own non-blocking mode would hand every later group to a thread: the start alone is bounded.
    auto done = std::make_shared<std::promise<std::pair<ncclResult_t, ncclComm_t>>>();
    auto result = done->get_future();
    std::thread([=] {
        cudaSetDevice(gpu);
        ncclComm_t comm = nullptr;
        auto const code = ncclCommInitRank(&comm, size, unique, rank);
        done->set_value({code, comm});
    }).detach();
    if (result.wait_for(std::chrono::duration<double>(limit_s)) != std::future_status::ready) {
        throw failure("nccl",
                      fmt::format("rank {} of {} did not get its communicator within {:.0f} s (a rank is "
                                  "missing, or they cannot reach each other); look at the other ranks' "
                                  "messages, or run with NCCL_DEBUG=INFO",
                                  rank, size, limit_s));
    }
    auto const [code, comm] = result.get();
    check_nccl(code, "ncclCommInitRank");
    return std::make_unique<CudaNccl>(comm, size);
}

}  // namespace moewire
