// What if a peer never answers? A bounded wait around every exchange.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace moewire {

// A thread that ends the process (exit code 4, one message naming `who` and the step) when a guarded step
// lasts longer than its limit; the launcher then ends the other ranks. A blocking MPI call cannot be
// interrupted in any gentler way. Costs the guarded thread two atomic stores a step.
class Watchdog {
  public:
    Watchdog(std::string who, double limit_s);
    ~Watchdog();
    Watchdog(Watchdog const&) = delete;
    Watchdog& operator=(Watchdog const&) = delete;

    // Guards from construction to destruction. `step` must outlive the guard (a literal).
    class Guard {
      public:
        Guard(Watchdog& dog, char const* step);
        ~Guard();
        Guard(Guard const&) = delete;
        Guard& operator=(Guard const&) = delete;

      private:
        Watchdog& dog_;
    };

    double limit_s() const { return limit_s_; }

  private:
    void watch();

    std::string who_;
    double limit_s_;
    std::atomic<char const*> step_{nullptr};
    std::atomic<double> since_s_{0};
    std::mutex mutex_;
    std::condition_variable stop_signal_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace moewire
