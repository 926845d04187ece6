#include "system/interruption.hpp"

#include <csignal>

namespace moewire {
namespace {

volatile std::sig_atomic_t last_signal = 0;
constexpr int listened[] = {SIGTERM, SIGUSR1};
struct sigaction before[2];
int listeners = 0;  // a study listens around its measurement, which listens too

void remember(int signal) {
    last_signal = signal;
}

}  // namespace

InterruptionListener::InterruptionListener() {
    if (listeners++ > 0) return;
    last_signal = 0;
    struct sigaction action {};
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART;  // a write or a receive under way goes on
    for (int i = 0; i < 2; ++i) ::sigaction(listened[i], &action, &before[i]);
}

InterruptionListener::~InterruptionListener() {
    if (--listeners > 0) return;
    for (int i = 0; i < 2; ++i) ::sigaction(listened[i], &before[i], nullptr);
}

bool asked_to_end() {
    return last_signal == SIGTERM;
}

std::string InterruptionListener::heard(Communicator const& world) const {
    auto const signal = world.max(std::int64_t{last_signal});
    return signal == SIGTERM ? "SIGTERM" : signal == SIGUSR1 ? "SIGUSR1" : "";
}

}  // namespace moewire
