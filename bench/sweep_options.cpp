#include "bench/sweep_request.hpp"

namespace moewire {

void declare_sweep_options(CLI::App& app, SweepRequest& r) {
    option(app, "exchange", r.exchange, "The exchange, see `moewire list`; auto: the one that fits");
    option(app, "device", r.device, "Where rows lie: cpu, or cuda (one GPU a rank of a host)");
    option(app, "register", r.registration,
           "Memory that NCCL is told of beforehand: none, local (ncclCommRegister) or window (symmetric)");
    option(app, "allocator", r.allocator,
           "Of rows on a GPU: cuda (cudaMalloc, as torch) or nccl (ncclMemAlloc, as nccl-tests and windows)");
    option(app, "min_bytes", r.min_bytes,
           "Least size of the ladder: bytes of a rank over all peers, itself included");
    option(app, "max_bytes", r.max_bytes, "Largest size of the ladder");
    option(app, "factor", r.factor, "From size to size; sizes off powers of two lie between");
    option(app, "sizes", r.sizes, "These sizes by comma instead of the ladder, e.g. 1K,24000,3M");
    option(app, "matrix", r.matrices, "Files of bytes from each rank to each rank, as nccl-tests reads them");
    option(app, "matrix_scale", r.matrix_scale, "Factor on every value of the matrix files");
    option(app, "shape", r.shapes,
           "Published layers by comma (see `moewire list`), or TOML files of their keys");
    option(app, "control", r.controls, "Routings imposed on the shapes, by comma: NAME[:key=value]...");
    option(app, "payload", r.payloads, "How tokens of a shape are packed, by comma");
    option(app, "seed", r.seed, "Seed of the controls");
    option(app, "write_matrix", r.write_matrix,
           "Also write the one matrix that is exchanged, for alltoallv_perf");
    option(app, "cadence", r.cadence,
           "isolated: ranks wait for each other before each exchange; chained: they do not");
    option(app, "iterations", r.iterations, "Samples of each rung, at most");
    option(app, "until_width", r.until_width_percent,
           "Stop when the 95 % interval of the median is this narrow [% of the median]; 0: never");
    option(app, "max_seconds", r.max_seconds, "Stop after this time on a rung; 0: never");
    option(app, "warmups", r.warmups, "Exchanges before each batch of samples");
    option(app, "row_bytes", r.row_bytes,
           "Bytes of a row; what a pair exchanges is rounded down to whole rows");
    option(app, "timeout_s", r.timeout_s,
           "An exchange that lasts longer, or a rank that stands still for longer, ends the program");
    option(app, "output", r.output, "Write FILE.json (all samples) or FILE.csv");
    flag(app, "share_gpu", r.share_gpu, "Several ranks may use one GPU: to try functions, never speed");
    flag(app, "quick", r.quick, "Does it run at all? Three sizes, at most five samples of each rung");
    flag(app, "json", r.json, "Print JSON");
    footer(app,
           "Before any time is taken, each rung is exchanged once and checked byte by byte. The floor comes "
           "first: an "
           "exchange of\nnothing, and one in which every rank keeps its bytes. algbw and busbw are those of "
           "alltoall_perf "
           "and alltoallv_perf.\nExamples: mpirun -n 4 moewire sweep --max_bytes 1M --until_width 2 "
           "--iterations 1000\n"
           "          mpirun -n 4 moewire sweep --shape deepseek-v3-decode --control "
           "round_robin,zipf:exponent=1.2");
}

}  // namespace moewire
