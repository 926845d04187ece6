// A machine from the text of a description, for tests.
#pragma once

#include <string>
#include <vector>

#include "base/file.hpp"
#include "support/scratch.hpp"
#include "topology/topology.hpp"

namespace moewire {

inline MachineDescription read_machine_text(std::string const& text,
                                            std::string const& name = "machine.toml") {
    Scratch const scratch;
    write_file(scratch.path() / name, text);
    return read_machine(scratch.path() / name);
}

// Names of what a byte crosses.
inline std::vector<std::string> crossed(Topology const& t, int from, int to) {
    std::vector<std::string> names;
    for (auto const r : t.path(make_id<RankId>(from), make_id<RankId>(to)))
        names.push_back(t.resources()[r].name);
    return names;
}

}  // namespace moewire
