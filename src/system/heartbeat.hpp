// Does every rank of this machine still run? Told by what each keeps writing, whatever else it is doing.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "system/clock.hpp"
#include "system/communicator.hpp"

namespace moewire {

// A thread of each rank counts on in memory that the ranks of one machine share. A rank that works for long
// counts on; one that was stopped, or whose process hangs in the system, does not, and keeps all others
// waiting wherever they next meet it. When it has stood still for longer than the limit, the process ends
// (exit code 4, one message naming that rank), and the launcher ends the others. A machine that was itself
// asleep blames nobody. Ranks of other machines are not seen.
class Heartbeat {
  public:
    // Collective: all ranks. Where there is no memory to share, it watches nobody.
    Heartbeat(Communicator const& world, double limit_s);
    ~Heartbeat();
    Heartbeat(Heartbeat const&) = delete;
    Heartbeat& operator=(Heartbeat const&) = delete;

    // By the heartbeat of this process: "rank 1 has stood still for 11 s", the one that has for longest;
    // empty where all ranks moved within two seconds.
    static std::string say_who_stands_still();

  private:
    struct Seen {
        std::uint64_t count = 0;
        double at_s = 0;  // since when it is that count, on monotonic_s()
    };

    void beat();
    void look();
    std::string say_longest(double least_s) const;
    std::span<std::atomic<std::uint64_t>> counts() const;

    int rank_, size_;
    double limit_s_;
    void* shared_ = nullptr;
    std::vector<Seen> seen_;  // Shape: [rank]
    double looked_s_ = 0;
    AwakeClock awake_;
    mutable std::mutex mutex_;
    std::condition_variable stop_signal_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace moewire
