#include "system/heartbeat.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <limits>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/show.hpp"

namespace moewire {
namespace {

std::atomic<Heartbeat*> of_process{nullptr};
// Processors that have more threads than they can run keep one waiting for tenths of a second, not for
// seconds.
constexpr double period_s = 0.25, long_s = 2;
constexpr std::uint64_t not_here = 0, has_left = std::numeric_limits<std::uint64_t>::max();

using Count = std::atomic<std::uint64_t>;
static_assert(Count::is_always_lock_free && sizeof(Count) == sizeof(std::uint64_t));

std::size_t bytes_of(int ranks) {
    return static_cast<std::size_t>(ranks) * sizeof(Count);
}

// All ranks of one machine meet in the file, whoever comes first; nothing is left of it once all have it.
// Null where it cannot be had.
void* share(Communicator const& world) {
    auto const token = fmt::format("{}-{:.0f}", ::getpid(), 1e9 * monotonic_s());
    auto const path = "/dev/shm/moewire-heartbeat-" + world.broadcast(token);
    int const file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void* memory = MAP_FAILED;
    if (file >= 0) {
        auto const bytes = bytes_of(world.size());
        if (::posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0)
            memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        ::close(file);
    }
    world.barrier();
    ::unlink(path.c_str());
    return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

Heartbeat::Heartbeat(Communicator const& world, double limit_s)
    : rank_(static_cast<int>(world.rank())), size_(world.size()), limit_s_(std::max(limit_s, long_s)) {
    if (size_ == 1) return;
    shared_ = share(world);
    if (shared_ == nullptr) return;
    seen_.resize(static_cast<std::size_t>(size_));
    thread_ = std::thread([this] { beat(); });
    of_process = this;
}

Heartbeat::~Heartbeat() {
    if (!thread_.joinable()) return;
    of_process = nullptr;
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    stop_signal_.notify_all();
    thread_.join();
    counts()[static_cast<std::size_t>(rank_)] = has_left;
    ::munmap(shared_, bytes_of(size_));
}

std::span<Count> Heartbeat::counts() const {
    return {static_cast<Count*>(shared_), static_cast<std::size_t>(size_)};
}

void Heartbeat::beat() {
    std::unique_lock lock(mutex_);
    do {
        ++counts()[static_cast<std::size_t>(rank_)];
        look();
        auto const who = say_longest(limit_s_);
        if (who.empty()) continue;
        log_error(fmt::format(
            "rank {} of {}: {} (stopped from outside, or its process hangs in the system); look at "
            "that process",
            rank_, size_, who));
        std::_Exit(4);
    } while (
        !stop_signal_.wait_for(lock, std::chrono::duration<double>(period_s), [this] { return stopping_; }));
}

void Heartbeat::look() {
    looked_s_ = monotonic_s();
    awake_.look();
    for (std::size_t rank = 0; rank < seen_.size(); ++rank) {
        auto const count = counts()[rank].load();
        if (count != seen_[rank].count) seen_[rank] = {count, looked_s_};
    }
}

std::string Heartbeat::say_longest(double least_s) const {
    std::size_t stillest = 0;
    double longest_s = 0;
    for (std::size_t rank = 0; rank < seen_.size(); ++rank) {
        auto const& [count, at_s] = seen_[rank];
        if (count == not_here || count == has_left) continue;
        // What a rank did while this process stood still itself is not known.
        double const still_s = looked_s_ - std::max(at_s, awake_.since_s());
        if (still_s > longest_s) stillest = rank, longest_s = still_s;
    }
    if (longest_s < least_s) return "";
    return fmt::format("rank {} has stood still for {}", stillest, show_seconds(longest_s));
}

std::string Heartbeat::say_who_stands_still() {
    auto const* const heartbeat = of_process.load();
    if (heartbeat == nullptr) return "";
    std::lock_guard const lock(heartbeat->mutex_);
    return heartbeat->say_longest(long_s);
}

}  // namespace moewire
