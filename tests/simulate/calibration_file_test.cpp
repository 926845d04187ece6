#include "simulate/calibration_file.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace moewire {
namespace {

FrozenCalibration example() {
    FrozenCalibration c{"2026-01-02T03:04:05Z", "0.3.0", {{"host", "a \"b\" \\c"}, {"ranks", "4"}}, {}, {}};
    auto& m = c.model;
    m.floor_s = 1.0 / 3e5;
    m.eager_message_s = 1e-6;
    m.rendezvous_message_s = 0;
    m.sharpness = 4;
    m.limits = {4096, 65536};
    m.limits.nccl = NcclJob{.version = 22809, .ranks = 2, .ranks_per_node = 2, .collective_channels = 24};
    m.empty_s = 2e-6;
    m.channel_start_s = 5e-6;
    m.channel_fill_s_per_byte = 3e-11;
    m.channel_s_per_byte = 4e-11;
    m.rate_bytes_per_s = {{"node # NIC out", 1.25e8}, {"rank # in", 3e9}};
    m.trust[Regime::eager] = {{12, Spread::few_pairs, 3e3, 0.01, 0.05, 2e-5, 0},
                              {20, Spread::most_pairs, 5e4, 0.02, 0.07, 0, 0.25}};
    m.trust[Regime::rendezvous] = {{14, Spread::any, 1e6, 0.02, 0.06, 0, 0.5}};
    m.hull = {16, 1e6, 6};
    c.grid = {{"uniform 64", Regime::eager, Spread::most_pairs, 192, 1e-5, 1.1e-5}};
    return c;
}

std::string replaced(std::string text, std::string const& from, std::string const& to) {
    auto const at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

std::string refusal(std::string const& text) {
    try {
        thaw(text, "x.toml");
    } catch (Error const& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        return error.what();
    }
    return "";
}

TEST(CalibrationFile, SurvivesARoundTripToTheLastBit) {
    auto const text = freeze(example());
    auto const again = thaw(text, "x.toml");
    EXPECT_EQ(freeze(again), text);
    EXPECT_EQ(again.model.floor_s, example().model.floor_s);
    EXPECT_EQ(again.keys, example().keys);
    EXPECT_EQ(again.grid, example().grid);
}

TEST(CalibrationFile, AnyChangeIsSeen) {
    auto const text = freeze(example());
    EXPECT_NE(refusal(replaced(text, "ranks\" = \"4\"", "ranks\" = \"8\"")).find("hash"), std::string::npos);
    EXPECT_NE(refusal(replaced(text, "sharpness = 4.0", "sharpness = 2.0")).find("hash"), std::string::npos);
    EXPECT_NE(refusal(replaced(text, "1.25000000000000000e+08", "-1.25e8")).find("node # NIC out"),
              std::string::npos);
    EXPECT_NE(refusal(replaced(text, "1.25000000000000000e+08", "nan")).find("node # NIC out"),
              std::string::npos);
    EXPECT_NE(refusal(replaced(text, "floor_s", "flour_s")).find("floor_s is missing"), std::string::npos);
    EXPECT_NE(refusal(replaced(text, "format = 4", "format = 3")).find("format is not 4"), std::string::npos);
    EXPECT_NE(refusal(replaced(text, "link = \"nvlink\"", "link = \"string\"")).find("nccl.link"),
              std::string::npos);
    EXPECT_NE(refusal(replaced(text, "version = 22809", "version = 99999")).find("9.99.99"),
              std::string::npos);
    EXPECT_NE(refusal("[[[").find("not valid TOML"), std::string::npos);
    EXPECT_NE(refusal("").find("format"), std::string::npos);
}

// What MPI's classes count changed after NCCL's did.
TEST(CalibrationFile, MpiAndNcclHaveFormatsOfTheirOwn) {
    auto calibration = example();
    calibration.model.limits.nccl.reset();
    auto const text = freeze(calibration);
    EXPECT_EQ(freeze(thaw(text, "x.toml")), text);
    EXPECT_NE(refusal(replaced(text, "format = 5", "format = 4")).find("format is not 5"), std::string::npos);
}

TEST(CalibrationFile, OfAnotherLibraryIsRefused) {
    CalibrationKeys const frozen{{"nccl_version", "2.28.9"}, {"launch", "graph"}};
    auto here = frozen;
    here["nccl_version"] = "2.30.7";
    try {
        expect_same_keys(frozen, here, "x.toml");
        FAIL() << "accepted";
    } catch (Error const& error) {
        EXPECT_EQ(error.exit_code(), 2);
        EXPECT_NE(std::string(error.what()).find("nccl_version is 2.30.7, was 2.28.9"), std::string::npos)
            << error.what();
    }
}

TEST(CalibrationKeys, EveryDifferenceIsNamed) {
    CalibrationKeys const frozen{{"host", "a"}, {"mpi_version", "4.1.4"}, {"ranks", "4"}};
    EXPECT_TRUE(differences(frozen, frozen).empty());
    auto here = frozen;
    here["mpi_version"] = "5.0.1";
    here.erase("host");
    here["links"] = "7";
    EXPECT_EQ(differences(frozen, here),
              (std::vector<std::string>{"host is not there, was a", "mpi_version is 5.0.1, was 4.1.4",
                                        "links is 7, was not there"}));
    EXPECT_THROW(expect_same_keys(frozen, here, "x.toml"), Error);
}

TEST(CalibrationKeys, WhatIsCarriedOverMustExchangeAlike) {
    CalibrationKeys const frozen{{"ranks", "2"}, {"transport", "nccl_send_recv"}, {"launch", "graph"}};
    auto here = frozen;
    here["ranks"] = "8", here["gpu"] = "other";
    EXPECT_NO_THROW(expect_same_ways(frozen, here, "x.toml"));
    for (auto const& [key, value] :
         CalibrationKeys{{"transport", "mpi"}, {"launch", "eager"}, {"cadence", "chained"}}) {
        auto other = here;
        other[key] = value;
        EXPECT_THROW(expect_same_ways(frozen, other, "x.toml"), Error) << key;
    }
}

}  // namespace
}  // namespace moewire
