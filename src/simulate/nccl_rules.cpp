#include "simulate/nccl_rules.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <numeric>
#include <set>
#include <string>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"

namespace moewire {
namespace {

constexpr int first_known = 22200, first_scaling = 22900, first_unknown = 23100;
constexpr int most_channels = 64;                 // MAXCHANNELS
constexpr int messages_of_batch = 8;              // NCCL_MAX_DEV_WORK_P2P_PER_BATCH
constexpr std::uint64_t ll_bytes = 16384;         // NCCL_P2P_LL_THRESHOLD, of one channel
constexpr double channel_net_bytes_per_s = 14e9;  // NCCL_P2P_PER_CHANNEL_NET_BW

template <class T>
constexpr T up(T dividend, T divisor) {
    return (dividend + divisor - 1) / divisor;
}

int power_of_two_from(int value) {
    return static_cast<int>(std::bit_ceil(static_cast<unsigned>(value)));
}

bool scales_out(NcclJob const& job) {
    return job.version >= first_scaling;
}

int wanted_over_network(NcclJob const& job) {
    if (job.channels_per_net_peer) return *job.channels_per_net_peer;
    if (scales_out(job)) {
        auto const whole = static_cast<int>(job.nics_per_rank * job.nic_bytes_per_s / 1e9);
        return std::max(job.nics_per_rank, up(whole, static_cast<int>(channel_net_bytes_per_s / 1e9)));
    }
    // Before 2.29: two a card, fewer where eight peers would share a channel.
    int most = 2;
    while (most * job.ranks > job.collective_channels * 4 && most > 1) most /= 2;
    return std::max(job.nics_per_rank, most);
}

// Of the most modest peer: all get as many.
int wanted(NcclJob const& job) {
    int least = most_channels;
    if (job.ranks_per_node > 1)
        least = std::min(least, job.link == NcclLink::nvlink ? 2 * std::max(1, job.nvlinks) : 2);
    if (job.nodes > 1) least = std::min(least, wanted_over_network(job));
    return std::max(1, least);
}

}  // namespace

NcclRules::NcclRules(NcclJob const& job) : job_(job) {
    MOEWIRE_EXPECT(job.ranks >= 1 && job.nodes >= 1 && job.collective_channels >= 1);
    if (job.version < first_known || job.version >= first_unknown) {
        throw input_error(
            "nccl",
            fmt::format("the rules of NCCL {}.{}.{} are not known (those of 2.22 to 2.30 are, and they "
                        "changed before and may have changed since); name a version in between",
                        job.version / 10'000, job.version / 100 % 100, job.version % 100));
    }
    count_channels();
    find_edges();
    order_rounds();
}

void NcclRules::count_channels() {
    bool const is_alone = job_.nodes == 1;
    p2p_channels_ = power_of_two_from(job_.collective_channels);
    // Before 2.29 the collective channels limit what a peer gets before both are rounded.
    int const asked = scales_out(job_) ? wanted(job_) : std::min(job_.collective_channels, wanted(job_));
    channels_per_peer_ = power_of_two_from(asked);
    if (scales_out(job_) && !is_alone && !job_.channels_per_net_peer) {
        while (channels_per_peer_ * up(job_.ranks, messages_of_batch) > p2p_channels_ &&
               channels_per_peer_ > 1)
            channels_per_peer_ /= 2;
    }
    channels_per_peer_ = std::min(channels_per_peer_, p2p_channels_);
    start_channels_ = channels_per_peer_;
    while (start_channels_ * job_.ranks > p2p_channels_ && start_channels_ > 1) start_channels_ /= 2;
    chunk_bytes_ = is_alone && job_.link == NcclLink::nvlink ? 1 << 19 : 1 << 17;
}

int NcclRules::channels_of(std::uint64_t message_bytes) const {
    if (message_bytes == 0) return 1;
    auto const chunk = static_cast<std::uint64_t>(chunk_bytes_);
    bool const is_alone = job_.nodes == 1;
    std::uint64_t const least = chunk / (is_alone ? 8 : 2), most = chunk * (is_alone ? 32 : 1);
    auto channels =
        std::min<std::uint64_t>(static_cast<std::uint64_t>(start_channels_), up(message_bytes, least));
    auto part = std::max(least, up(message_bytes, channels));
    while (part > most && channels <= static_cast<std::uint64_t>(channels_per_peer_ / 2)) {
        channels *= 2;
        part = up(message_bytes, channels);
    }
    return static_cast<int>(channels);
}

NcclProtocol NcclRules::protocol_of(std::uint64_t message_bytes) const {
    // Before 2.29 it was what a peer may have at most, not what the message gets.
    int const channels = scales_out(job_) ? channels_of(message_bytes) : channels_per_peer_;
    return message_bytes <= ll_bytes * static_cast<std::uint64_t>(channels) ? NcclProtocol::ll
                                                                            : NcclProtocol::simple;
}

std::int64_t NcclRules::chunk_of(std::uint64_t message_bytes, Way way) const {
    auto const chunk = static_cast<std::uint64_t>(chunk_bytes_);
    bool const is_simple = protocol_of(message_bytes) == NcclProtocol::simple;
    if (way == Way::over_network) {
        if (is_simple && message_bytes < chunk) return chunk_bytes_ / 4;
        if (message_bytes < 8 * chunk) return chunk_bytes_ / 2;
    }
    return chunk_bytes_;
}

void NcclRules::find_edges() {
    auto const chunk = static_cast<std::uint64_t>(chunk_bytes_);
    bool const is_alone = job_.nodes == 1;
    std::set<std::uint64_t> edges{chunk - 1, 8 * chunk - 1};
    for (int channels = 1; channels < start_channels_; ++channels)
        edges.insert(chunk / (is_alone ? 8 : 2) * static_cast<std::uint64_t>(channels));
    for (int channels = 1; channels <= channels_per_peer_; ++channels)
        edges.insert(chunk * (is_alone ? 32 : 1) * static_cast<std::uint64_t>(channels));
    for (int channels = 1; channels <= channels_per_peer_; ++channels) {
        auto const bytes = ll_bytes * static_cast<std::uint64_t>(channels);
        if (protocol_of(bytes) == NcclProtocol::ll) most_ll_bytes_ = bytes;
    }
    edges.insert(most_ll_bytes_);
    edges_bytes_ = {edges.begin(), edges.end()};
}

void NcclRules::order_rounds() {
    group_ = job_.nodes > 1 ? std::gcd(messages_of_batch, std::max(1, job_.ranks_per_node)) : job_.ranks;
    int const groups = up(job_.ranks, group_);
    round_of_group_.assign(static_cast<std::size_t>(groups), 0);
    // Distances of groups follow (x * x + x) / 2 modulo the next power of two; those beyond are left out.
    unsigned const powers = std::bit_ceil(static_cast<unsigned>(groups));
    int round = 0;
    for (unsigned x = 0, distance = 0; x < powers;) {
        if (distance < static_cast<unsigned>(groups)) {
            round_of_group_[distance] = round;
            round += group_;
        }
        distance = (distance + ++x) & (powers - 1);
    }
}

int NcclRules::round_of(int source, int destination) const {
    int const groups = static_cast<int>(round_of_group_.size());
    int const far = (destination / group_ - source / group_ + groups) % groups;
    int const near = (destination % group_ - source % group_ + group_) % group_;
    return round_of_group_[static_cast<std::size_t>(far)] + near;
}

int NcclRules::first_channel_of_round(int round) const {
    // On several nodes, rounds of one group start on the same channel.
    auto base = static_cast<unsigned>(job_.nodes > 1 ? round / group_ : round);
    unsigned mirrored = 0;
    for (int bit = 1; bit < p2p_channels_; bit *= 2, base /= 2) mirrored = mirrored * 2 + base % 2;
    return static_cast<int>(mirrored);
}

int NcclRules::sharing(int messages, int channels) const {
    int const together = job_.nodes > 1 ? group_ : 1;
    int const rule = together * std::max(1, messages_of_batch / together * channels / p2p_channels_);
    int const there = job_.nodes > 1
                          ? std::max(std::min(messages, together), up(messages * channels, p2p_channels_))
                          : up(messages * channels, p2p_channels_);
    return std::clamp(there, 1, std::min(rule, messages_of_batch));
}

int NcclRules::batches(int messages, int channels) const {
    int last = 0;
    if (messages > 0) last = batch_of_round(messages - 1, channels);
    return last + 1;
}

int NcclRules::batch_of_round(int round, int channels) const {
    int const together = job_.nodes > 1 ? group_ : 1;
    int const starts_of_layer = std::max(1, p2p_channels_ / channels);  // until every channel has had one
    int const layers_of_batch = std::max(1, messages_of_batch / together * channels / p2p_channels_);
    return round / together / starts_of_layer / layers_of_batch;
}

int nccl_version_of(std::string_view text) {
    int parts[3]{};
    auto const* at = text.data();
    auto const* const end = text.data() + text.size();
    for (int i = 0; i < 3; ++i) {
        auto const read = std::from_chars(at, end, parts[i]);
        bool const is_last = i == 2;
        bool const fits = read.ec == std::errc() && parts[i] >= 0 && parts[i] < 100;
        if (!fits || (!is_last && (read.ptr == end || *read.ptr != '.'))) {
            throw input_error("nccl",
                              fmt::format("'{}' is no version of NCCL (three numbers, as 2.28.9); correct "
                                          "it",
                                          text));
        }
        at = read.ptr + (is_last ? 0 : 1);
    }
    return parts[0] * 10'000 + parts[1] * 100 + parts[2];
}

}  // namespace moewire
