// Every catalogue: names sorted and unique, a sentence for each, registered by the file of that name.
#include <filesystem>

#include <gtest/gtest.h>

#include "assignment/replica_choice.hpp"
#include "assignment/strategy.hpp"
#include "base/registry.hpp"
#include "model/traits.hpp"
#include "report/report.hpp"
#include "routing/control.hpp"
#include "simulate/cost_model.hpp"
#include "simulate/export.hpp"
#include "text/protocol.hpp"
#include "topology/machine.hpp"
#include "transport/dispatcher.hpp"
#include "transport/exchange.hpp"

namespace moewire {
namespace {

template <class T>
class EveryCatalogue : public testing::Test {};

using Catalogues = testing::Types<Control, Strategy, ReplicaChoice, CostModel, ExchangeBackend, Dispatcher,
                                  Architecture, ReportWriter, Protocol, MachineLoader, TrafficExport>;
TYPED_TEST_SUITE(EveryCatalogue, Catalogues);

TYPED_TEST(EveryCatalogue, IsFilledSortedAndRegisteredByFilesOfThatName) {
    auto const& entries = Registry<TypeParam>::instance().entries();
    ASSERT_FALSE(entries.empty()) << TypeParam::catalogue << ": the linker dropped the registrations";
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (i > 0) {
            EXPECT_LT(entries[i - 1].name, entries[i].name);
        }
        std::filesystem::path const file = entries[i].file;
        EXPECT_EQ(file.stem(), entries[i].name);
        EXPECT_EQ(file.parent_path(), std::filesystem::path("src") / TypeParam::catalogue);
        EXPECT_GT(entries[i].description.size(), 15u) << entries[i].name;
        EXPECT_EQ(entries[i].description.back(), '.') << entries[i].name;
    }
}

TEST(Catalogues, HoldWhatTheMainJobNeeds) {
    for (auto const* name : {"contiguous", "round_robin", "random", "eplb_pack", "exact_pack", "hierarchical",
                             "co_activation", "eplb_replicated", "load_aware", "least_loaded", "oracle"}) {
        EXPECT_TRUE(Registry<Strategy>::instance().contains(name)) << name;
    }
    for (auto const* name : {"bound", "closed_form", "flow", "chunk", "seed", "line"})
        EXPECT_TRUE(Registry<CostModel>::instance().contains(name)) << name;
    for (auto const* name : {"phimoe", "mixtral", "olmoe"})
        EXPECT_TRUE(Registry<Architecture>::instance().contains(name)) << name;
    for (auto const* name : {"disjoint", "hf_stride", "llama_cpp"})
        EXPECT_TRUE(Registry<Protocol>::instance().contains(name)) << name;
}

}  // namespace
}  // namespace moewire
