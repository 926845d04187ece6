// Who am I among how many, and how do ranks talk about small things? (Tokens travel by transport.)
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/ids.hpp"

namespace moewire {

// A group of ranks. The null communicator (default) is rank 0 of 1 and never calls MPI, so that all code runs
// serially without a second path. Copies are views of one handle.
//
// Throws: failure (source "mpi") from every call that fails.
class Communicator {
  public:
    struct Handle;  // defined in mpi.hpp, for rooms that may use MPI

    Communicator() = default;
    explicit Communicator(std::shared_ptr<Handle const> handle);

    RankId rank() const { return make_id<RankId>(rank_); }
    int size() const { return size_; }
    bool is_root() const { return rank_ == 0; }
    bool is_null() const { return handle_ == nullptr; }
    Handle const* handle() const { return handle_.get(); }

    // Collective: all ranks.
    void barrier() const;

    // Collective: all ranks, equal sizes; root's bytes everywhere.
    void broadcast_bytes(std::span<std::byte> bytes, RankId root = RankId{0}) const;
    std::string broadcast(std::string text, RankId root = RankId{0}) const;
    template <class T>
    requires std::is_trivially_copyable_v<T>
    void broadcast(std::vector<T>& values, RankId root = RankId{0}) const;

    // Collective: all ranks. Values of all ranks one after another, in rank order; empty on ranks but root.
    // Sizes may differ between ranks.
    template <class T>
    requires std::is_trivially_copyable_v<T> std::vector<T> gather(std::span<T const> values)
    const;
    std::vector<std::string> gather(std::string const& text) const;

    // Collective: all ranks. The same on every rank.
    double max(double value) const;
    std::int64_t max(std::int64_t value) const;
    std::int64_t min(std::int64_t value) const;
    std::int64_t sum(std::int64_t value) const;
    double sum(double value) const;
    void sum(std::span<std::int64_t> values) const;  // element by element, in place
    void sum(std::span<double> values) const;

    // Collective: all ranks. Shape: `send` and the result [size, each]; block d of `send` goes to rank d.
    std::vector<std::int64_t> all_to_all(std::span<std::int64_t const> send) const;

    // Collective: all ranks. Blocks of unequal sizes, in rank order on both sides. Unit of the counts:
    // values.
    template <class T>
    requires std::is_trivially_copyable_v<T> std::vector<T> all_to_all(
        std::span<T const> send, std::span<std::int64_t const> send_counts,
        std::span<std::int64_t const> receive_counts)
    const;

  private:
    std::vector<std::byte> all_to_all_bytes(std::span<std::byte const> send,
                                            std::span<std::int64_t const> send_counts,
                                            std::span<std::int64_t const> receive_counts,
                                            std::int64_t value_bytes) const;
    std::vector<std::byte> gather_bytes(std::span<std::byte const> bytes,
                                        std::vector<std::int64_t>* bytes_of_rank = nullptr) const;

    std::shared_ptr<Handle const> handle_;
    std::int32_t rank_ = 0;
    int size_ = 1;
};

template <class T>
requires std::is_trivially_copyable_v<T>
void Communicator::broadcast(std::vector<T>& values, RankId root) const {
    std::int64_t count = static_cast<std::int64_t>(values.size());
    broadcast_bytes(std::as_writable_bytes(std::span<std::int64_t>(&count, 1)), root);
    values.resize(static_cast<std::size_t>(count));
    broadcast_bytes(std::as_writable_bytes(std::span<T>(values)), root);
}

template <class T>
requires std::is_trivially_copyable_v<T> std::vector<T> Communicator::gather(std::span<T const> values)
const {
    auto const bytes = gather_bytes(std::as_bytes(values));
    std::vector<T> all(bytes.size() / sizeof(T));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(all.data()));
    return all;
}

template <class T>
requires std::is_trivially_copyable_v<T> std::vector<T> Communicator::all_to_all(
    std::span<T const> send, std::span<std::int64_t const> send_counts,
    std::span<std::int64_t const> receive_counts)
const {
    auto const bytes = all_to_all_bytes(std::as_bytes(send), send_counts, receive_counts, sizeof(T));
    std::vector<T> received(bytes.size() / sizeof(T));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(received.data()));
    return received;
}

}  // namespace moewire
