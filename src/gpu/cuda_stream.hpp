// On which stream does the work go? (Of the CUDA library alone.)
#pragma once

#include <cuda_runtime_api.h>

namespace moewire {

// Selects the GPU, and a stream of its own for what this thread starts from here on: the legacy stream waits
// for, and holds up, every other blocking one.
void use_own_stream(int device);

// Torch's current one on the GPU in use. Cheap, since each exchange and each event asks for it: torch's own
// way asks CUDA for the device several times.
cudaStream_t current_stream();

}  // namespace moewire
