#include "bench/prediction.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/registry.hpp"
#include "base/show.hpp"
#include "gpu/device.hpp"
#include "measure/sweep.hpp"
#include "simulate/fit_line.hpp"
#include "simulate/nccl_rules.hpp"
#include "system/agreement.hpp"
#include "trace/schema.hpp"

namespace moewire {
namespace {

constexpr int sweep_sizes = 9;

constexpr int no_nccl = 0;

// Their rules say nothing of other libraries.
bool is_of_nccl(std::string_view model) {
    return model == "closed_form" || model == "flow" || model == "chunk";
}

// Of the library that moves the rows; none where another does, or where its rules are not known.
int nccl_version(std::string const& transport) {
    if (!transport.starts_with("nccl") || !has_device()) return no_nccl;
    int const version = device().nccl_facts().version;
    try {
        NcclRules({.version = version});
        return version;
    } catch (Error const& error) {
        log_warning(fmt::format("the cost models of NCCL's rules are left out: {}", error.what()));
        return no_nccl;
    }
}

// Busiest ports of all exchanges to be predicted.
std::vector<std::uint64_t> predicted_sizes(std::vector<PreparedText> const& texts) {
    std::set<std::uint64_t> sizes;
    for (auto const& text : texts) {
        for (auto const& one : text.cases) {
            for (LayerId const layer : ids<LayerId>(one.traffic.layers())) {
                sizes.insert(port_load(one.traffic.dispatch(layer)).busiest_bytes());
            }
        }
    }
    sizes.erase(0);
    return {sizes.begin(), sizes.end()};
}

Record calibration_record(Line const& line, std::vector<SweepPoint> const& points, Context const& context,
                          std::string const& transport) {
    Grid<double, 1> bytes(points.size()), p50_s(points.size());
    Grid<double, 2> samples(points.size(), points.front().samples_s.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
        bytes(i) = static_cast<double>(points[i].busiest_bytes);
        p50_s(i) = points[i].p50_s;
        std::copy(points[i].samples_s.begin(), points[i].samples_s.end(), samples.row(i).begin());
    }
    Record record{place::calibration, {}, {}};
    record.attributes = {{"model", std::string("line")},
                         {"latency_s", line.latency_s},
                         {"bandwidth_bytes_per_s", line.bandwidth_bytes_per_s},
                         {"log_radius", line.log_radius},
                         {"parameter_digest", digest_of(line)},
                         {"key.ranks", std::int64_t{context.world.size()}},
                         {"key.transport", transport},
                         {"created_utc", utc_now()}};
    record.datasets = {make_dataset("busiest_bytes", "bytes", {"point"}, bytes),
                       make_dataset("p50_s", "s", {"point"}, p50_s),
                       make_dataset("samples_s", "s", {"point", "iteration"}, samples)};
    return record;
}

void fit_to(std::vector<SweepPoint> const& points, Context const& context, std::string const& transport,
            Calibration& calibration) {
    std::vector<CalibrationPoint> medians;
    for (auto const& point : points) medians.push_back({point.busiest_bytes, point.p50_s});
    try {
        calibration.parameters.line = fit_line(medians);
        calibration.record = calibration_record(*calibration.parameters.line, points, context, transport);
        calibration.why_no_line.clear();
    } catch (Error const& error) {
        calibration.why_no_line = error.what();
    }
}

}  // namespace

Calibration calibrate(Context const& context, Exchange& exchange, std::string const& transport,
                      MeasureRequest const& request, std::vector<PreparedText> const& texts,
                      std::vector<ClockOffset> const& offsets) {
    Calibration calibration;
    calibration.parameters.nccl.version = nccl_version(transport);
    calibration.parameters.seed = {request.bandwidth_gbit_per_s * 1e9 / 8, request.latency_us * 1e-6};
    auto const sizes = predicted_sizes(texts);
    if (context.world.size() == 1 || sizes.empty()) {
        calibration.why_no_line = "nothing crosses between ranks";
        return calibration;
    }
    auto const row_bytes = texts.front().cases.front().traffic.row_bytes;
    auto const least = std::max<std::uint64_t>(sizes.front() / 4, static_cast<std::uint64_t>(row_bytes));
    auto const sweep = calibration_sizes(least, std::max(2 * sizes.back(), 16 * least), sweep_sizes, sizes);
    // A burst of other work on the machine can hide that larger exchanges take longer: sweep again, longer.
    auto iterations = static_cast<std::size_t>(request.calibration_iterations);
    for (int attempt = 0; attempt < 3; ++attempt, iterations *= 2) {
        auto const points =
            sweep_uniform(context.world, exchange, sweep, row_bytes, iterations, request.seed, offsets);
        run_on_all(context.world, [&] {
            if (context.world.is_root()) fit_to(points, context, transport, calibration);
        });
        // Only rank 0 fits, and all must go on together.
        if (context.world.max(std::int64_t{calibration.parameters.line.has_value()}) > 0) return calibration;
    }
    // A machine too noisy to calibrate can still be measured.
    if (context.world.is_root())
        log_warning(fmt::format("the cost model `line` is left out: {}", calibration.why_no_line));
    return calibration;
}

void add_frozen(FrozenCalibration const& frozen, CalibratedModel model, std::string const& elsewhere,
                Calibration& calibration) {
    calibration.parameters.calibrated = std::make_shared<CalibratedModel const>(std::move(model));
    auto& record = calibration.record;
    record.path = place::calibration;
    record.attributes["frozen"] = freeze(frozen);
    record.attributes["frozen_digest"] = digest_of(frozen);
    if (!elsewhere.empty()) record.attributes["frozen_elsewhere"] = elsewhere;
    if (!calibration.why_no_line.empty()) record.attributes["why"] = calibration.why_no_line;
}

void add_predictions(Record& record, Traffic const& traffic, Topology const& topology,
                     ModelParameters const& parameters) {
    for (auto const& model : Registry<CostModel>::instance().entries()) {
        if (model.name == "line" && !parameters.line) continue;
        if (model.name == "calibrated" && !parameters.calibrated) continue;
        if (is_of_nccl(model.name) && parameters.nccl.version == no_nccl) continue;
        int const most_ranks = model.value.traits.most_ranks;
        if (most_ranks > 0 && topology.ranks() > most_ranks) continue;
        for (auto const* direction : {"dispatch", "combine"}) {
            Grid<double, 1> time_s(traffic.layers()), low_s(traffic.layers()), high_s(traffic.layers()),
                bound_s(traffic.layers()), p99_s(traffic.layers());
            for (LayerId const layer : ids<LayerId>(traffic.layers())) {
                auto const bytes =
                    direction == std::string("dispatch") ? traffic.dispatch(layer) : traffic.combine(layer);
                auto const p = model.value.predict({topology, bytes}, parameters);
                time_s(layer) = p.time_s;
                low_s(layer) = p.low_s;
                high_s(layer) = p.high_s;
                bound_s(layer) = p.bound_s;
                p99_s(layer) = p.p99_s;
                record.attributes["binding_resource"] = p.binding_resource;
                record.attributes["evidence." + model.name] = std::string(name_of(p.evidence));
            }
            auto const prefix = fmt::format("predicted/{}/{}", direction, model.name);
            record.datasets.push_back(make_dataset(prefix + "_s", "s", {"layer"}, time_s));
            record.datasets.push_back(make_dataset(prefix + "_low_s", "s", {"layer"}, low_s));
            record.datasets.push_back(make_dataset(prefix + "_high_s", "s", {"layer"}, high_s));
            record.datasets.push_back(make_dataset(prefix + "_bound_s", "s", {"layer"}, bound_s));
            if (model.name == "calibrated")
                record.datasets.push_back(make_dataset(prefix + "_p99_s", "s", {"layer"}, p99_s));
        }
    }
}

double predicted_total_s(std::string_view model, Traffic const& traffic, Topology const& topology,
                         ModelParameters const& parameters) {
    auto const& predict = Registry<CostModel>::instance().at(model).value.predict;
    double total_s = 0;
    for (LayerId const layer : ids<LayerId>(traffic.layers())) {
        total_s += predict({topology, traffic.dispatch(layer)}, parameters).time_s;
        total_s += predict({topology, traffic.combine(layer)}, parameters).time_s;
    }
    return total_s;
}

}  // namespace moewire
