#include "system/watchdog.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/show.hpp"
#include "system/heartbeat.hpp"
#include "system/interruption.hpp"

namespace moewire {

namespace {

std::atomic<Watchdog*> of_process{nullptr};
// mpirun kills one second after it asked a process to end.
constexpr double period_s = 0.25, told_after_s = 0.3;

}  // namespace

Watchdog::Watchdog(std::string who, double limit_s)
    : who_(std::move(who)), limit_s_(limit_s), thread_([this] { watch(); }) {
    of_process = this;
}

Watchdog::~Watchdog() {
    Watchdog* self = this;
    of_process.compare_exchange_strong(self, nullptr);
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    stop_signal_.notify_all();
    thread_.join();
}

void Watchdog::watch() {
    auto const period = std::chrono::duration<double>(std::min(period_s, limit_s_ / 4));
    std::unique_lock lock(mutex_);
    while (!stop_signal_.wait_for(lock, period, [this] { return stopping_; })) {
        awake_.look();
        tell_of_signal();
        check_probe();
        char const* const step = step_.load(std::memory_order_acquire);
        if (step != nullptr && is_late(since_s_.load(std::memory_order_acquire))) end(step, "");
    }
}

bool Watchdog::is_late(double since_s) const {
    return monotonic_s() - std::max(since_s, awake_.since_s()) >= limit_s_;
}

// Once, when what was under way as the launcher asked this process to end is still under way.
void Watchdog::tell_of_signal() {
    if (has_told_ || !asked_to_end()) return;
    if (asked_to_end_s_ == 0) asked_to_end_s_ = monotonic_s();
    if (monotonic_s() - asked_to_end_s_ < told_after_s) return;
    std::string waits_for;
    if (char const* const step = step_.load(std::memory_order_acquire);
        step != nullptr && since_s_.load(std::memory_order_acquire) < asked_to_end_s_) {
        waits_for = step;
    } else {
        std::lock_guard const lock(probe_mutex_);
        auto const late = probe_ ? probe_() : std::nullopt;
        if (late && late->since_s < asked_to_end_s_) waits_for = late->step;
    }
    has_told_ = true;
    if (!waits_for.empty())
        log_error(
            fmt::format("{}: asked to end while {} waits for its peers (if nobody stopped this job, a rank "
                        "died there); look at the other ranks' messages",
                        who_, waits_for));
}

void Watchdog::check_probe() {
    std::lock_guard const lock(probe_mutex_);
    std::optional<Late> late;
    try {
        if (probe_) late = probe_();
    } catch (std::exception const& error) {
        end("work under way", error.what());  // nobody above this thread could report it
    }
    if (!late || (!late->problem && !is_late(late->since_s))) return;
    if (late->give_up) std::thread(late->give_up).detach();  // which may itself never end
    end(late->step, late->problem.value_or(""));
}

void Watchdog::set_probe(std::function<std::optional<Late>()> probe) {
    std::lock_guard const lock(probe_mutex_);
    probe_ = std::move(probe);
}

void Watchdog::end(std::string const& step, std::string const& why) {
    auto const still = Heartbeat::say_who_stands_still();
    log_error(
        why.empty()
            ? fmt::format("{}: {} did not end within {} (a peer is dead or late{}{}); look at the other "
                          "ranks' messages, or raise --timeout",
                          who_, step, show_seconds(limit_s_), still.empty() ? "" : ": ", still)
            : fmt::format("{}: {} failed ({}); look at the other ranks' messages", who_, step, why));
    std::_Exit(4);
}

Watchdog::Guard::Guard(Watchdog& dog, char const* step) : dog_(dog) {
    dog_.since_s_.store(monotonic_s(), std::memory_order_release);
    dog_.step_.store(step, std::memory_order_release);
}

Watchdog::Wait::Wait(std::string step) : step_(std::move(step)) {
    if (auto* const dog = of_process.load()) guard_.emplace(*dog, step_.c_str());
}

Watchdog::Guard::~Guard() {
    dog_.step_.store(nullptr, std::memory_order_release);
}

}  // namespace moewire
