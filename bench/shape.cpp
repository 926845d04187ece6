#include "bench/shape.hpp"

#include <fmt/format.h>

#include "assignment/strategy.hpp"
#include "base/error.hpp"
#include "base/registry.hpp"
#include "base/show.hpp"
#include "bench/command.hpp"
#include "bench/places.hpp"
#include "measure/gather.hpp"
#include "routing/control.hpp"
#include "system/agreement.hpp"
#include "transport/dispatcher.hpp"

namespace moewire {

Shape read_shape(std::string const& name) {
    Shape shape;
    auto const file = shape_file(name);
    read_options(file, "shape", "use hidden, experts, top_k, element_bytes and tokens_per_rank",
                 [&](CLI::App& app) {
                     option(app, "hidden", shape.hidden, "Elements of a token's row");
                     option(app, "experts", shape.experts, "Experts of a layer");
                     option(app, "top_k", shape.top_k, "Experts that a token chooses");
                     option(app, "element_bytes", shape.element_bytes, "Bytes of an element");
                     option(app, "tokens_per_rank", shape.tokens_per_rank, "Tokens of each rank");
                 });
    auto const within = [&](std::int64_t value, std::int64_t least, std::int64_t most, char const* key) {
        if (value >= least && value <= most) return;
        throw input_error("shape", fmt::format("{}: {} is {} (must lie in {} .. {}); give another value",
                                               file.string(), key, value, least, most));
    };
    within(shape.hidden, 1, 1 << 20, "hidden");
    within(shape.experts, 1, 4096, "experts");
    within(shape.top_k, 1, shape.experts, "top_k");
    within(shape.element_bytes, 1, 8, "element_bytes");
    within(shape.tokens_per_rank, 1, 1 << 20, "tokens_per_rank");
    if (shape.row_bytes() % static_cast<std::int64_t>(matrix_step_bytes) != 0) {
        throw input_error("shape",
                          fmt::format("{}: a row has {} bytes (not a multiple of {}); use another hidden",
                                      file.string(), shape.row_bytes(), matrix_step_bytes));
    }
    return shape;
}

std::string describe(Shape const& shape) {
    return fmt::format("hidden {}, {} experts, top {}, {} bytes an element, {} tokens a rank", shape.hidden,
                       shape.experts, shape.top_k, shape.element_bytes, show_count(shape.tokens_per_rank));
}

ByteMatrix shape_bytes(Communicator const& world, Shape const& shape, std::string const& control,
                       std::string const& payload, std::uint64_t seed) {
    Routing routing;
    run_on_all(world, [&] {
        Registry<Dispatcher>::instance().at(payload);
        if (shape.experts < world.size()) {
            throw usage_error(
                fmt::format("{} experts on {} ranks (a rank would hold none); use fewer ranks or "
                            "another shape",
                            shape.experts, world.size()));
        }
        routing = impose(control, {world.size(), world.rank(), 1, shape.tokens_per_rank, shape.experts,
                                   shape.top_k, seed});
    });
    auto const demand = gather_demand(world, routing);
    Assignment plan;
    run_on_all(world, [&] { plan = make_plan("contiguous", {demand, world.size(), seed}); });
    return gather_traffic(world, payload, routing, demand, plan, shape.row_bytes()).dispatch(LayerId{0});
}

}  // namespace moewire
