// Has somebody asked us to stop? SIGTERM and SIGINT, remembered until it suits.
#pragma once

#include "system/communicator.hpp"

namespace moewire {

// From construction on the two signals only raise a flag; the handlers from before come back at the end.
class StopRequest {
  public:
    StopRequest();
    ~StopRequest();
    StopRequest(StopRequest const&) = delete;

    // Collective: all ranks. Was any rank asked?
    bool is_asked(Communicator const& world) const;

  private:
    void (*old_term_)(int);
    void (*old_int_)(int);
};

}  // namespace moewire
