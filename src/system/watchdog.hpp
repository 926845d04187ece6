// What if a peer never answers? A bounded wait around every exchange.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "system/clock.hpp"

namespace moewire {

// A thread that ends the process (exit code 4, one message naming `who` and the step) when a guarded step
// lasts longer than its limit; the launcher then ends the other ranks. A blocking MPI call cannot be
// interrupted in any gentler way. Where a peer dies, the launcher ends this process before that: then it says
// what it was waiting for. Costs the guarded thread two atomic stores a step.
class Watchdog {
  public:
    Watchdog(std::string who, double limit_s);
    ~Watchdog();
    Watchdog(Watchdog const&) = delete;
    Watchdog& operator=(Watchdog const&) = delete;

    // Guards from construction to destruction. `step` must outlive the guard.
    class Guard {
      public:
        Guard(Watchdog& dog, char const* step);
        ~Guard();
        Guard(Guard const&) = delete;
        Guard& operator=(Guard const&) = delete;

      private:
        Watchdog& dog_;
    };

    // The same by the watchdog of this process, where there is one: for waits deep inside, that know of none.
    class Wait {
      public:
        explicit Wait(std::string step);

      private:
        std::string step_;
        std::optional<Guard> guard_;
    };

    // Work that goes on while nobody waits for it (on a GPU): the oldest that has not ended.
    struct Late {
        std::string step;
        double since_s = 0;                  // on monotonic_s()
        std::optional<std::string> problem;  // known already: no need to wait for the limit
        std::function<void()> give_up;       // called before the process ends
    };
    // Asked from the watching thread; an empty one is asked no more when this returns.
    void set_probe(std::function<std::optional<Late>()> probe);

    double limit_s() const { return limit_s_; }

  private:
    void watch();
    void check_probe();
    bool is_late(double since_s) const;
    void tell_of_signal();
    [[noreturn]] void end(std::string const& step, std::string const& why);

    std::string who_;
    double limit_s_;
    AwakeClock awake_;
    double asked_to_end_s_ = 0;  // since when; 0: nobody asked
    bool has_told_ = false;
    std::atomic<char const*> step_{nullptr};
    std::atomic<double> since_s_{0};
    std::mutex mutex_;
    std::mutex probe_mutex_;
    std::function<std::optional<Late>()> probe_;
    std::condition_variable stop_signal_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace moewire
