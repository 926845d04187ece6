// May this calibration be believed here? The frozen file: parameters, what they were fitted to, keys, a hash.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "simulate/calibrated.hpp"

namespace moewire {

// What must be the same where a calibration is used: host, MPI version, topology, ranks, ...
using CalibrationKeys = std::map<std::string, std::string>;

// A probe as the file keeps it; raw samples lie beside it.
struct GridPoint {
    std::string name;
    Regime regime = Regime::nothing;
    Spread spread = Spread::any;
    double busiest_bytes = 0, p50_s = 0, fitted_s = 0;
    friend bool operator==(GridPoint const&, GridPoint const&) = default;
};

struct FrozenCalibration {
    std::string created_utc, program_version;
    CalibrationKeys keys;
    CalibratedModel model;
    std::vector<GridPoint> grid;
};

// TOML, its hash over everything else. Equal calibrations give equal texts.
std::string freeze(FrozenCalibration const& calibration);

// Throws: usage (source "calibration"), naming `file`: not TOML, a key that is missing, a rate, time or
// radius that is negative or no number, a hash that does not fit (somebody changed the file).
FrozenCalibration thaw(std::string const& text, std::string const& file);
FrozenCalibration read_calibration(std::filesystem::path const& file);

// One line a key that differs: "mpi_version is A, was B". Empty: it may be used.
std::vector<std::string> differences(CalibrationKeys const& frozen, CalibrationKeys const& here);

// Throws: usage (source "calibration"), naming the file and all differences.
void expect_same_keys(CalibrationKeys const& frozen, CalibrationKeys const& here, std::string const& file);

// For numbers that are carried elsewhere: only how an exchange is made must be the same (transport, launch,
// cadence). Throws: usage (source "calibration"), naming the file and what differs.
void expect_same_ways(CalibrationKeys const& frozen, CalibrationKeys const& here, std::string const& file);

// The hash of what freeze() writes.
std::string digest_of(FrozenCalibration const& calibration);

}  // namespace moewire
