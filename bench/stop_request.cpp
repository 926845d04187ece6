#include "bench/stop_request.hpp"

#include <csignal>

namespace moewire {
namespace {

std::sig_atomic_t volatile asked = 0;

void remember(int /*signal*/) {
    asked = 1;
}

}  // namespace

StopRequest::StopRequest()
    : old_term_(std::signal(SIGTERM, remember)), old_int_(std::signal(SIGINT, remember)) {
    asked = 0;
}
StopRequest::~StopRequest() {
    std::signal(SIGTERM, old_term_);
    std::signal(SIGINT, old_int_);
}
bool StopRequest::is_asked(Communicator const& world) const {
    return world.max(static_cast<std::int64_t>(asked)) > 0;
}

}  // namespace moewire
