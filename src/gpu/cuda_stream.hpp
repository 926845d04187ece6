// On which stream does the work go? (Of the CUDA library alone.)
#pragma once

#include <cuda_runtime_api.h>

namespace moewire {

// Selects the GPU, and a stream of this thread's own for what follows: on the legacy one every start looks at
// all other streams.
void use_own_stream(int device);

// Torch's current one on the GPU in use. Cheap, since each exchange and each event asks for it: torch's own
// way asks CUDA for the device several times.
cudaStream_t current_stream();

}  // namespace moewire
