// How do exchanges follow one another?
#pragma once

namespace moewire {

// isolated: all ranks wait for each other before each exchange.
// chained: one exchange behind another; ranks meet before the first alone.
enum class Cadence { isolated, chained };

}  // namespace moewire
