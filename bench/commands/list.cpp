// moewire list: every catalogue, with one sentence a name.
#include <fmt/format.h>

#include "assignment/replica_choice.hpp"
#include "assignment/strategy.hpp"
#include "base/json.hpp"
#include "base/show.hpp"
#include "bench/command.hpp"
#include "bench/places.hpp"
#include "bench/shape.hpp"
#include "model/catalogue.hpp"
#include "model/footprint.hpp"
#include "report/report.hpp"
#include "routing/control.hpp"
#include "simulate/cost_model.hpp"
#include "simulate/export.hpp"
#include "text/protocol.hpp"
#include "topology/machine.hpp"
#include "train/catalogue.hpp"
#include "transport/dispatcher.hpp"
#include "transport/exchange.hpp"

namespace moewire {
namespace {

struct Listing {
    std::string catalogue;
    std::vector<std::pair<std::string, std::string>> entries;  // name, description
};

// What may follow the name, as :key=value.
template <class T>
std::string settings_of(T const& value) {
    if constexpr (requires { value.settings; }) return describe(value.settings);
    return "";
}

template <class T>
Listing listing() {
    Listing result{T::catalogue, {}};
    for (auto const& entry : Registry<T>::instance().entries())
        result.entries.emplace_back(entry.name, entry.description + settings_of(entry.value));
    return result;
}

std::string geometry_sizes(std::string const& name) {
    auto const config = read_config(geometry_file(name));
    return fmt::format("{:.1f} B parameters: {}, {} layers, {} experts, top {}",
                       static_cast<double>(count_parameters(config).total()) / 1e9, config.model_type,
                       config.layers, config.experts, config.top_k);
}

std::vector<Listing> all_listings() {
    std::vector<Listing> all{listing<Command>(),       listing<Strategy>(),     listing<ReplicaChoice>(),
                             listing<Control>(),       listing<CostModel>(),    listing<ExchangeBackend>(),
                             listing<Dispatcher>(),    listing<ReportWriter>(), listing<Protocol>(),
                             listing<MachineLoader>(), listing<TrafficExport>()};
    for (auto const& [catalogue, entries] : model_catalogues()) all.push_back({catalogue, entries});
    auto const losses = loss_catalogue();
    all.push_back({losses.first, losses.second});
    Listing models{"models", {}}, geometries{"geometries", {}}, shapes{"shapes", {}}, texts{"texts", {}};
    for (auto const& name : shipped_models(model_places())) models.entries.emplace_back(name, "shipped");
    for (auto const& name : geometry_names()) geometries.entries.emplace_back(name, geometry_sizes(name));
    for (auto const& name : shape_names()) shapes.entries.emplace_back(name, describe(read_shape(name)));
    for (auto const& name : known_domains()) {
        texts.entries.emplace_back(name, is_fetched(name, text_places())
                                             ? "train, valid and test split"
                                             : "not here yet: scripts/fetch_text.py " + name);
    }
    all.push_back(models);
    all.push_back(geometries);
    all.push_back(shapes);
    all.push_back(texts);
    return all;
}

std::string as_json(std::vector<Listing> const& all) {
    Json json;
    for (auto const& [catalogue, entries] : all) {
        json[catalogue] = Json::object();
        for (auto const& [name, description] : entries) json[catalogue][name] = description;
    }
    return to_text(json);
}

std::string as_text(std::vector<Listing> const& all) {
    std::string text;
    for (auto const& [catalogue, entries] : all) {
        Table table({catalogue, ""});
        for (auto const& [name, description] : entries) table.add({name, description});
        text += table.text(TableStyle::plain) + "\n";
    }
    return text;
}

std::function<int(Context const&)> declare(CLI::App& app) {
    auto const json = std::make_shared<bool>(false);
    flag(app, "json", *json, "Print JSON");
    footer(
        app,
        "In brackets: settings with their defaults, written behind the name: eplb_replicated:extra=2:choice="
        "static.");
    return [json](Context const& context) {
        print(context, *json ? as_json(all_listings()) : as_text(all_listings()));
        return 0;
    };
}

bool const registered = register_in<Command>(
    "list", "Say what there is to choose from: strategies, models, texts, ...", {declare});

}  // namespace
}  // namespace moewire
