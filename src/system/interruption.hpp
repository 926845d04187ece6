// Has somebody asked this run to end early? The scheduler, before a time limit or a pre-emption.
#pragma once

#include <string>

#include "system/communicator.hpp"

namespace moewire {

// From construction to destruction SIGTERM and SIGUSR1 do not end the process, but are remembered: for
// commands that stop between two pieces of work and can be resumed. They may nest; main thread alone.
class InterruptionListener {
  public:
    InterruptionListener();
    ~InterruptionListener();
    InterruptionListener(InterruptionListener const&) = delete;
    InterruptionListener& operator=(InterruptionListener const&) = delete;

    // Collective: all ranks. The name of a signal that any rank got so far, the same on all; empty: none.
    std::string heard(Communicator const& world) const;
};

// Was this process asked to end (SIGTERM) while somebody listens? From any thread.
bool asked_to_end();

}  // namespace moewire
