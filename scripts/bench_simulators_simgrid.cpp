// SimGrid on the flows of an exchange: a flat star, one flow an ordered pair, all at once.
//
// bench_simulators_simgrid FILE BYTES_PER_S LATENCY_S MODEL: FILE holds the number of ranks, then bytes row
// by row. Prints the simulated seconds of the last flow and the processor seconds from the platform to the
// end. MODEL: CM02 shares links by the same max-min rule without corrections; LV08 corrects for TCP.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

namespace sg4 = simgrid::s4u;

int main(int argc, char* argv[]) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: bench_simulators_simgrid FILE BYTES_PER_S LATENCY_S MODEL\n");
        return 2;
    }
    sg4::Engine engine(&argc, argv);
    sg4::Engine::set_config("network/model:" + std::string(argv[4]));
    sg4::Engine::set_config("network/crosstraffic:0");
    sg4::Engine::set_config("network/TCP-gamma:1e30");  // no window: the other side has none
    std::ifstream file(argv[1]);
    std::size_t ranks = 0;
    file >> ranks;
    std::vector<std::uint64_t> bytes(ranks * ranks);
    for (auto& one : bytes) file >> one;

    std::clock_t const start = std::clock();
    double const bytes_per_s = std::atof(argv[2]), latency_s = std::atof(argv[3]);
    auto* const zone = sg4::create_star_zone("star");
    std::vector<sg4::Host*> hosts;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
        auto* const host = zone->create_host("rank" + std::to_string(rank), 1e9);
        auto const name = std::to_string(rank);
        auto* const out = zone->create_link("out" + name, bytes_per_s)->set_latency(latency_s / 2)->seal();
        auto* const in = zone->create_link("in" + name, bytes_per_s)->set_latency(latency_s / 2)->seal();
        zone->add_route(host->get_netpoint(), nullptr, nullptr, nullptr,
                        {{out, sg4::LinkInRoute::Direction::NONE}}, false);
        zone->add_route(nullptr, host->get_netpoint(), nullptr, nullptr,
                        {{in, sg4::LinkInRoute::Direction::NONE}}, false);
        hosts.push_back(host);
    }
    zone->seal();
    double last_s = 0;
    sg4::Actor::create("all", hosts[0], [&] {
        std::vector<sg4::CommPtr> flows;
        for (std::size_t s = 0; s < ranks; ++s)
            for (std::size_t d = 0; d < ranks; ++d)
                if (s != d && bytes[s * ranks + d] > 0)
                    flows.push_back(sg4::Comm::sendto_async(hosts[s], hosts[d], bytes[s * ranks + d]));
        for (auto const& flow : flows) flow->wait();
        last_s = sg4::Engine::get_clock();
    });
    engine.run();
    std::printf("%.9g %.6f\n", last_s, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    return 0;
}
