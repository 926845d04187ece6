#include "system/communicator.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "system/mpi.hpp"

namespace moewire {
namespace {

// MPI counts are int; larger broadcasts and gathers go in pieces.
constexpr std::size_t piece_bytes = std::size_t{1} << 30;
constexpr int barrier_tag = 32'000;  // of no other message

template <class T>
T reduce(Communicator const& communicator, T value, MPI_Datatype type, MPI_Op op) {
    if (communicator.is_null()) return value;
    T result{};
    check_mpi(MPI_Allreduce(&value, &result, 1, type, op, mpi_handle(communicator)), "MPI_Allreduce");
    return result;
}

}  // namespace

MPI_Comm mpi_handle(Communicator const& communicator) {
    if (communicator.is_null()) contract_broken("the null communicator has no MPI handle");
    return communicator.handle()->comm;
}

void check_mpi(int code, char const* call, std::source_location where) {
    if (code == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(code, text, &length);
    throw failure("mpi",
                  fmt::format("{} failed ({}); see MPI's own lines above", call,
                              std::string_view(text, static_cast<std::size_t>(length))),
                  where);
}

Communicator::Communicator(std::shared_ptr<Handle const> handle) : handle_(std::move(handle)) {
    check_mpi(MPI_Comm_rank(handle_->comm, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(handle_->comm, &size_), "MPI_Comm_size");
}

// By dissemination: what a rank hears in the last round says that all have come. MPI_Barrier may go up and
// down a tree whose root leaves so early that its first message meets peers that have asked for none:
// exchanges then took another way for rank 0 than for the others (and up to a sixth less time).
void Communicator::barrier() const {
    if (is_null()) return;
    for (int distance = 1; distance < size_; distance *= 2) {
        check_mpi(MPI_Sendrecv(nullptr, 0, MPI_BYTE, (rank_ + distance) % size_, barrier_tag, nullptr, 0,
                               MPI_BYTE, (rank_ - distance + size_) % size_, barrier_tag, mpi_handle(*this),
                               MPI_STATUS_IGNORE),
                  "MPI_Sendrecv");
    }
}

void Communicator::broadcast_bytes(std::span<std::byte> bytes, RankId root) const {
    if (is_null()) return;
    while (!bytes.empty()) {
        auto const now = std::min(bytes.size(), piece_bytes);
        check_mpi(MPI_Bcast(bytes.data(), static_cast<int>(now), MPI_BYTE, static_cast<int>(root),
                            mpi_handle(*this)),
                  "MPI_Bcast");
        bytes = bytes.subspan(now);
    }
}

std::string Communicator::broadcast(std::string text, RankId root) const {
    std::vector<char> letters(text.begin(), text.end());
    broadcast(letters, root);
    return {letters.begin(), letters.end()};
}

std::vector<std::byte> Communicator::gather_bytes(std::span<std::byte const> bytes,
                                                  std::vector<std::int64_t>* bytes_of_rank) const {
    if (is_null()) {
        if (bytes_of_rank != nullptr) *bytes_of_rank = {static_cast<std::int64_t>(bytes.size())};
        return {bytes.begin(), bytes.end()};
    }
    auto const comm = mpi_handle(*this);
    std::int64_t const mine = static_cast<std::int64_t>(bytes.size());
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(size_));
    check_mpi(MPI_Allgather(&mine, 1, MPI_INT64_T, sizes.data(), 1, MPI_INT64_T, comm), "MPI_Allgather");
    auto const total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
    if (total > std::numeric_limits<int>::max()) {
        throw failure("mpi", fmt::format("gathering {} bytes on rank 0 exceeds MPI's 2 GiB (counts are int); "
                                         "use fewer iterations or layers per case",
                                         total));
    }
    std::vector<int> counts(sizes.begin(), sizes.end());
    std::vector<int> starts(counts.size());
    std::exclusive_scan(counts.begin(), counts.end(), starts.begin(), 0);
    std::vector<std::byte> all(is_root() ? static_cast<std::size_t>(total) : 0);
    check_mpi(MPI_Gatherv(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, all.data(), counts.data(),
                          starts.data(), MPI_BYTE, 0, comm),
              "MPI_Gatherv");
    if (bytes_of_rank != nullptr) *bytes_of_rank = sizes;
    return all;
}

std::vector<std::string> Communicator::gather(std::string const& text) const {
    std::vector<std::int64_t> sizes;
    auto const bytes = gather_bytes(std::as_bytes(std::span<char const>(text)), &sizes);
    std::vector<std::string> texts;
    if (!is_root()) return texts;
    auto const* at = reinterpret_cast<char const*>(bytes.data());
    for (auto const size : sizes) {
        texts.emplace_back(at, static_cast<std::size_t>(size));
        at += size;
    }
    return texts;
}

double Communicator::max(double value) const {
    return reduce(*this, value, MPI_DOUBLE, MPI_MAX);
}
std::int64_t Communicator::max(std::int64_t value) const {
    return reduce(*this, value, MPI_INT64_T, MPI_MAX);
}
std::int64_t Communicator::min(std::int64_t value) const {
    return reduce(*this, value, MPI_INT64_T, MPI_MIN);
}
std::int64_t Communicator::sum(std::int64_t value) const {
    return reduce(*this, value, MPI_INT64_T, MPI_SUM);
}
double Communicator::sum(double value) const {
    return reduce(*this, value, MPI_DOUBLE, MPI_SUM);
}

void Communicator::sum(std::span<std::int64_t> values) const {
    if (is_null() || values.empty()) return;
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_INT64_T,
                            MPI_SUM, mpi_handle(*this)),
              "MPI_Allreduce");
}

void Communicator::sum(std::span<double> values) const {
    if (is_null() || values.empty()) return;
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), MPI_DOUBLE, MPI_SUM,
                            mpi_handle(*this)),
              "MPI_Allreduce");
}

std::vector<std::int64_t> Communicator::all_to_all(std::span<std::int64_t const> send) const {
    MOEWIRE_EXPECT(send.size() % static_cast<std::size_t>(size_) == 0);
    std::vector<std::int64_t> received(send.size());
    if (is_null()) {
        std::copy(send.begin(), send.end(), received.begin());
        return received;
    }
    int const each = static_cast<int>(send.size()) / size_;
    check_mpi(
        MPI_Alltoall(send.data(), each, MPI_INT64_T, received.data(), each, MPI_INT64_T, mpi_handle(*this)),
        "MPI_Alltoall");
    return received;
}

std::vector<std::byte> Communicator::all_to_all_bytes(std::span<std::byte const> send,
                                                      std::span<std::int64_t const> send_counts,
                                                      std::span<std::int64_t const> receive_counts,
                                                      std::int64_t value_bytes) const {
    if (is_null()) return {send.begin(), send.end()};
    // Counts and starts in values of a type of that size: MPI's are int.
    auto const layout = [](std::span<std::int64_t const> counts) {
        std::pair<std::vector<int>, std::vector<int>> result;
        std::int64_t next = 0;
        for (auto const count : counts) {
            if (next + count > std::numeric_limits<int>::max())
                throw failure("mpi", "a message of more than 2^31 values (counts are int); use fewer tokens");
            result.first.push_back(static_cast<int>(count));
            result.second.push_back(static_cast<int>(next));
            next += count;
        }
        return result;
    };
    auto const [out, out_start] = layout(send_counts);
    auto const [in, in_start] = layout(receive_counts);
    auto const total = std::accumulate(receive_counts.begin(), receive_counts.end(), std::int64_t{0});
    std::vector<std::byte> received(static_cast<std::size_t>(total * value_bytes));
    MPI_Datatype value = MPI_DATATYPE_NULL;
    check_mpi(MPI_Type_contiguous(static_cast<int>(value_bytes), MPI_BYTE, &value), "MPI_Type_contiguous");
    check_mpi(MPI_Type_commit(&value), "MPI_Type_commit");
    int const result = MPI_Alltoallv(send.data(), out.data(), out_start.data(), value, received.data(),
                                     in.data(), in_start.data(), value, mpi_handle(*this));
    MPI_Type_free(&value);
    check_mpi(result, "MPI_Alltoallv");
    return received;
}

}  // namespace moewire
