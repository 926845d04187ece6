#include "transport/wire.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include <fmt/format.h>

#include "base/file.hpp"
#include "gpu/device.hpp"
#include "system/environment.hpp"
#include "system/machine.hpp"
#include "system/mpi.hpp"

namespace moewire {
namespace {

constexpr double connect_limit_s = 120;
constexpr std::size_t largest_message_bytes = 1 << 30;  // MPI's counts are int

class MpiWire : public Wire {
  public:
    explicit MpiWire(Communicator const& communicator) {
        if (!communicator.is_null())
            check_mpi(MPI_Comm_dup(mpi_handle(communicator), &comm_), "MPI_Comm_dup");
    }
    ~MpiWire() override {
        if (comm_ != MPI_COMM_NULL) MPI_Comm_free(&comm_);
    }
    MpiWire(MpiWire const&) = delete;
    MpiWire& operator=(MpiWire const&) = delete;

    void move(std::span<OutPiece const> out, std::span<InPiece const> in) override {
        if (comm_ == MPI_COMM_NULL) return move_alone(out, in);
        std::vector<MPI_Request> open;
        // Messages of one pair arrive in the order of their posting.
        for (auto const& piece : in) {
            for (std::size_t at = 0; at < piece.bytes; at += largest_message_bytes) {
                check_mpi(MPI_Irecv(piece.at + at, count_of(piece.bytes - at), MPI_BYTE, piece.peer, 0, comm_,
                                    &open.emplace_back()),
                          "MPI_Irecv");
            }
        }
        for (auto const& piece : out) {
            for (std::size_t at = 0; at < piece.bytes; at += largest_message_bytes) {
                check_mpi(MPI_Isend(piece.at + at, count_of(piece.bytes - at), MPI_BYTE, piece.peer, 0, comm_,
                                    &open.emplace_back()),
                          "MPI_Isend");
            }
        }
        check_mpi(MPI_Waitall(static_cast<int>(open.size()), open.data(), MPI_STATUSES_IGNORE),
                  "MPI_Waitall");
    }

  private:
    static int count_of(std::size_t rest) { return static_cast<int>(std::min(rest, largest_message_bytes)); }
    static void move_alone(std::span<OutPiece const> out, std::span<InPiece const> in) {
        for (std::size_t i = 0; i < out.size(); ++i) std::copy_n(out[i].at, out[i].bytes, in[i].at);
    }

    MPI_Comm comm_ = MPI_COMM_NULL;
};

class NcclWire : public Wire {
  public:
    explicit NcclWire(std::shared_ptr<Nccl> nccl) : nccl_(std::move(nccl)) {}
    void move(std::span<OutPiece const> out, std::span<InPiece const> in) override { nccl_->move(out, in); }
    std::optional<std::string> problem() override { return nccl_->problem(); }
    void give_up() override { nccl_->give_up(); }

  private:
    std::shared_ptr<Nccl> nccl_;
};

NcclSettings& settings() {
    static NcclSettings read;
    return read;
}

// The files are ours, and gone once they are read.
void read_settings(environment::NcclFiles const& files) {
    std::error_code problem;
    if (std::filesystem::exists(files.log, problem)) settings() = read_nccl_log(read_file(files.log));
    if (std::filesystem::exists(files.topology, problem)) settings().topology = read_file(files.topology);
    std::filesystem::remove(files.log, problem);
    std::filesystem::remove(files.topology, problem);
}

}  // namespace

NcclSettings const& nccl_settings() {
    return settings();
}

std::unique_ptr<Wire> make_wire(Communicator const& communicator, MemoryKind memory) {
    if (memory == MemoryKind::device) return std::make_unique<NcclWire>(nccl_of(communicator));
    return std::make_unique<MpiWire>(communicator);
}

std::shared_ptr<Nccl> nccl_of(Communicator const& communicator) {
    static std::map<Communicator::Handle const*, std::weak_ptr<Nccl>> in_use;
    if (auto const known = in_use[communicator.handle()].lock()) return known;
    auto const files = environment::listen_to_nccl();
    auto const id = communicator.broadcast(communicator.is_root() ? device().make_nccl_id() : std::string());
    std::shared_ptr<Nccl> const nccl =
        device().connect(id, static_cast<int>(communicator.rank()), communicator.size(), connect_limit_s);
    in_use[communicator.handle()] = nccl;
    if (files && settings().is_empty()) read_settings(*files);
    return nccl;
}

int ranks_on_one_gpu(Communicator const& communicator) {
    auto const gpus = communicator.gather(this_machine().host + " " + device().facts().uuid);
    std::map<std::string, std::int64_t> ranks;
    std::int64_t most = 1;
    for (auto const& gpu : gpus) most = std::max(most, ++ranks[gpu]);
    return static_cast<int>(communicator.max(most));
}

std::optional<std::string> waive_nccl(Communicator const& communicator, MemoryKind memory) {
    if (memory == MemoryKind::host) return "NCCL moves rows of GPUs; add --device cuda, or use mpi";
    auto const sharing = ranks_on_one_gpu(communicator);
    auto const nccl = device().nccl_facts();
    if (sharing == 1) return std::nullopt;
    if (!nccl.shares_gpus) {
        return fmt::format(
            "{} ranks share a GPU, which NCCL {} refuses; start one rank a GPU, use --transport "
            "mpi, or NCCL 2.30.3 or newer with NCCL_MULTI_RANK_GPU_ENABLE=1",
            sharing, nccl.version_text());
    }
    if (environment::allows_ranks_to_share_a_gpu()) return std::nullopt;
    return fmt::format(
        "{} ranks share a GPU; start one rank a GPU, use --transport mpi, or set "
        "NCCL_MULTI_RANK_GPU_ENABLE=1 to try functions (never speed)",
        sharing);
}

}  // namespace moewire
