// What NCCL says while it starts (NCCL_DEBUG=INFO): which rank runs on which host, which cards there are, and
// with NCCL_DEBUG_SUBSYS=INIT,GRAPH what the links carry.
//
// Source: logs that users show in NVIDIA/nccl issues 1189, 1357 and 1591 (NCCL 2.21 to 2.25).
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/registry.hpp"
#include "topology/machine.hpp"

namespace moewire {
namespace {

// NCCL writes what it expects a link to reach, 0.76 to 0.9 of what it carries on paper (20.6 of 25 GB/s an
// NVLink, 48 of 63 GB/s PCIe): bounds need the upper limit. Source: NVIDIA/nccl 2.30, `src/graph/topo.h`.
constexpr double nvlink_paper = 1.25;
constexpr double pci_paper = 63.02 / 48;

struct Findings {
    std::map<int, std::string> host_of_rank;
    int ranks = 0;
    std::set<std::string> cards;  // of one host
    double nvlink_bytes_per_s = 0, gpu_pci_bytes_per_s = 0, card_bytes_per_s = 0;
    double last_pci_bytes_per_s = 0;
};

std::optional<double> number_behind(std::string_view line, std::string_view what) {
    auto const at = line.find(what);
    if (at == std::string_view::npos) return std::nullopt;
    double value = 0;
    auto const* begin = line.data() + at + what.size();
    auto const read = std::from_chars(begin, line.data() + line.size(), value);
    return read.ec == std::errc() ? std::optional(value) : std::nullopt;
}

// "host:pid:tid [device] NCCL INFO ...", perhaps behind a launcher's own mark.
std::string host_of(std::string_view line) {
    auto const mark = line.find(" NCCL INFO");
    auto const bracket = line.substr(0, mark).rfind('[');
    auto head = line.substr(0, bracket == std::string_view::npos ? mark : bracket);
    while (!head.empty() && head.back() == ' ') head.remove_suffix(1);
    head = head.substr(head.find_last_of(" \t>") + 1);
    if (!head.empty() && head.front() == ':') head.remove_prefix(1);
    return std::string(head.substr(0, head.find(':')));
}

void read_start(std::string_view line, Findings& found) {
    auto const rank = number_behind(line, " rank "), all = number_behind(line, " nranks ");
    if (!rank || !all || line.find(" comm ") == std::string_view::npos) return;
    // The first communicator counts; later ones are parts of it.
    if (found.ranks == 0) found.ranks = static_cast<int>(*all);
    if (found.ranks == static_cast<int>(*all))
        found.host_of_rank.emplace(static_cast<int>(*rank), host_of(line));
}

void read_system(std::string_view line, Findings& found) {
    constexpr double gigabyte = 1e9;
    auto const keep_most = [](double& known, std::optional<double> value) {
        if (value) known = std::max(known, *value);
    };
    if (auto const nvlink = number_behind(line, "+ NVL["))
        keep_most(found.nvlink_bytes_per_s, *nvlink * gigabyte * nvlink_paper);
    if (line.find("- GPU/") != std::string_view::npos) {
        if (auto const pci = number_behind(line, "+ PCI["))
            keep_most(found.gpu_pci_bytes_per_s, *pci * gigabyte * pci_paper);
    }
    auto const card = line.find("- NET/");
    if (card == std::string_view::npos) return;
    keep_most(found.card_bytes_per_s, number_behind(line, "+ NET[").value_or(0) * gigabyte);
    auto const name = line.substr(card + 2);
    found.cards.insert(std::string(name.substr(0, name.find(' '))));
}

Findings read_lines(std::string_view log) {
    Findings found;
    std::string system_host;
    while (!log.empty()) {
        auto const end = log.find('\n');
        auto line = log.substr(0, end);
        log = end == std::string_view::npos ? std::string_view() : log.substr(end + 1);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.find(" NCCL INFO") == std::string_view::npos) continue;
        read_start(line, found);
        // Every rank prints its node; one is enough, and cards of two nodes must not add up.
        if (system_host.empty() && line.find("=== System") != std::string_view::npos)
            system_host = host_of(line);
        if (host_of(line) == system_host) read_system(line, found);
    }
    return found;
}

std::vector<int> ranks_of_node(Findings const& found, std::string const& file) {
    std::vector<int> counts;
    std::vector<std::string> hosts;
    int expected = 0;
    for (auto const& [rank, host] : found.host_of_rank) {
        if (rank != expected++) {
            throw input_error("topology",
                              fmt::format("{}: rank {} of {} is missing (its node is unknown); keep the "
                                          "log of every rank",
                                          file, expected - 1, found.ranks));
        }
        if (hosts.empty() || hosts.back() != host) {
            if (std::find(hosts.begin(), hosts.end(), host) != hosts.end()) {
                throw input_error(
                    "topology",
                    fmt::format("{}: ranks of host '{}' do not follow each other (nodes are blocks of "
                                "ranks here); start them in blocks",
                                file, host));
            }
            hosts.push_back(host);
            counts.push_back(0);
        }
        ++counts.back();
    }
    if (expected != found.ranks) {
        throw input_error("topology",
                          fmt::format("{}: rank {} of {} is missing (its node is unknown); keep the log "
                                      "of every rank",
                                      file, expected, found.ranks));
    }
    return counts;
}

MachineDescription load(std::string const& content, std::string const& file) {
    auto const found = read_lines(content);
    if (found.ranks == 0) {
        throw input_error("topology", file +
                                          ": no rank starts in this log (a line with 'rank R nranks N'); "
                                          "run with NCCL_DEBUG=INFO");
    }
    MachineDescription machine;
    machine.name = std::filesystem::path(file).stem().string();
    machine.ranks = found.ranks;
    machine.ranks_of_node = ranks_of_node(found, file);
    double const port = found.nvlink_bytes_per_s > 0 ? found.nvlink_bytes_per_s : found.gpu_pci_bytes_per_s;
    if (port > 0) machine.rank_out_bytes_per_s = machine.rank_in_bytes_per_s = port;
    machine.network = found.nvlink_bytes_per_s > 0 ? NetworkAccess::past_port : NetworkAccess::through_port;
    if (!found.cards.empty()) machine.nics_per_node = static_cast<int>(found.cards.size());
    if (found.card_bytes_per_s > 0)
        machine.nic_out_bytes_per_s = machine.nic_in_bytes_per_s = found.card_bytes_per_s;
    machine.description =
        fmt::format("NCCL log: {} ranks on {} nodes{}.", found.ranks, machine.ranks_of_node.size(),
                    port > 0 ? "" : "; it says nothing of links (NCCL_DEBUG_SUBSYS=INIT,GRAPH does)");
    return machine;
}

bool reads(std::string_view suffix, std::string_view content) {
    return (suffix == ".log" || suffix == ".txt") && content.find("NCCL INFO") != std::string_view::npos;
}

bool const registered = register_in<MachineLoader>(
    "nccl_log",
    "What NCCL says while it starts (NCCL_DEBUG=INFO, SUBSYS=INIT,GRAPH): ranks, cards (.log, .txt).",
    {reads, load});

}  // namespace
}  // namespace moewire
