// How do exchanges follow one another, and who starts them?
#pragma once

namespace moewire {

// isolated: all ranks wait for each other before each exchange.
// chained: one exchange behind another; ranks meet before the first alone.
enum class Cadence { isolated, chained };

// eager: the host starts every exchange. graph: a GPU starts what was recorded once, hence chained.
enum class Launch { eager, graph };

}  // namespace moewire
