// MPI_Alltoallv on host memory. Rows of a GPU are staged there, in pinned memory.
#include "system/mpi.hpp"

#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"
#include "gpu/device.hpp"
#include "transport/exchange.hpp"

namespace moewire {
namespace {

// Counts and displacements in rows: MPI's are int, and rows keep them far from 2^31.
struct Layout {
    std::vector<int> counts, starts;

    explicit Layout(std::vector<std::int64_t> const& rows) : counts(rows.size()), starts(rows.size()) {
        std::int64_t next = 0;
        for (std::size_t peer = 0; peer < rows.size(); ++peer) {
            if (next + rows[peer] > std::numeric_limits<int>::max()) {
                throw failure(
                    "mpi",
                    fmt::format("an exchange of {} rows exceeds MPI's 2^31 (counts are int); use fewer "
                                "tokens per rank",
                                next + rows[peer]));
            }
            starts[peer] = static_cast<int>(next);
            counts[peer] = static_cast<int>(rows[peer]);
            next += rows[peer];
        }
    }
};

// A contiguous row as MPI sees it.
class RowType {
  public:
    explicit RowType(std::int64_t row_bytes) : row_bytes_(row_bytes) {
        check_mpi(MPI_Type_contiguous(static_cast<int>(row_bytes), MPI_BYTE, &type_), "MPI_Type_contiguous");
        check_mpi(MPI_Type_commit(&type_), "MPI_Type_commit");
    }
    ~RowType() { MPI_Type_free(&type_); }
    RowType(RowType const&) = delete;
    RowType& operator=(RowType const&) = delete;
    MPI_Datatype get() const { return type_; }
    std::int64_t row_bytes() const { return row_bytes_; }

  private:
    std::int64_t row_bytes_;
    MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

class MpiExchange : public Exchange {
  public:
    explicit MpiExchange(Communicator const& communicator) {
        // Its own communicator: tokens never meet other messages.
        check_mpi(MPI_Comm_dup(mpi_handle(communicator), &comm_), "MPI_Comm_dup");
    }
    ~MpiExchange() override { MPI_Comm_free(&comm_); }
    MpiExchange(MpiExchange const&) = delete;
    MpiExchange& operator=(MpiExchange const&) = delete;

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        MOEWIRE_EXPECT(send.size() == static_cast<std::size_t>(plan.total_send_rows() * plan.row_bytes));
        MOEWIRE_EXPECT(receive.size() ==
                       static_cast<std::size_t>(plan.total_receive_rows() * plan.row_bytes));
        if (!row_ || row_->row_bytes() != plan.row_bytes) row_ = std::make_unique<RowType>(plan.row_bytes);
        Layout const out(plan.send_rows), in(plan.receive_rows);
        check_mpi(MPI_Alltoallv(send.data(), out.counts.data(), out.starts.data(), row_->get(),
                                receive.data(), in.counts.data(), in.starts.data(), row_->get(), comm_),
                  "MPI_Alltoallv");
    }

  private:
    MPI_Comm comm_ = MPI_COMM_NULL;
    std::unique_ptr<RowType> row_;
};

class Pinned {
  public:
    std::span<std::byte> room(std::size_t bytes) {
        if (!buffer_ || buffer_->bytes().size() < bytes)
            buffer_ = device().allocate(bytes, DeviceMemory::pinned);
        return buffer_->bytes().first(bytes);
    }

  private:
    std::unique_ptr<DeviceBuffer> buffer_;
};

class StagedExchange : public Exchange {
  public:
    explicit StagedExchange(Communicator const& communicator) : on_host_(communicator) {}

    MemoryKind memory() const override { return MemoryKind::device; }

    void run(ExchangePlan const& plan, std::span<std::byte const> send,
             std::span<std::byte> receive) override {
        // Rows that arrived last time may still be on their way to the GPU.
        device().synchronise();
        auto const out = out_.room(send.size()), in = in_.room(receive.size());
        device().copy(out.data(), send.data(), send.size());
        device().synchronise();
        on_host_.run(plan, out, in);
        device().copy(receive.data(), in.data(), receive.size());
    }

  private:
    MpiExchange on_host_;
    Pinned out_, in_;
};

std::optional<std::string> waive(Communicator const& communicator, MemoryKind) {
    if (!communicator.is_null()) return std::nullopt;
    return "the program was not started by mpirun or srun; start it by `mpirun -n 4 moewire ...`, or use "
           "loopback";
}

std::unique_ptr<Exchange> make(Communicator const& communicator, MemoryKind memory) {
    if (memory == MemoryKind::device) return std::make_unique<StagedExchange>(communicator);
    return std::make_unique<MpiExchange>(communicator);
}

bool const registered = register_in<ExchangeBackend>(
    "mpi", "MPI_Alltoallv on host memory; rows of a GPU are staged there.", {waive, make});

}  // namespace
}  // namespace moewire
