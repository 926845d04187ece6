// How does NCCL move one message? Channels, chunks, protocol and batches of its sends and receives, computed
// from the rules that its sources publish, by version: nothing here is fitted.
//
// All-to-all(v) is a group of sends and receives; NCCL's own tuner has no say in it. Rounds pair every rank
// with one it sends to and one it gets from; a message is cut over some channels, and a channel runs up to
// eight messages at once, which share its threads, then the next eight.
//
// Source: NVIDIA/nccl at v2.22.3-1, v2.28.9-1, v2.29.7-1 and v2.30.7-1: src/graph/paths.cc
// (ncclTopoGetNchannels, ncclTopoComputeP2pChannels), src/enqueue.cc (addP2pToPlan, scheduleP2pTasksToPlan),
// src/init.cc (computeBuffSizes, ncclP2pSchedule), src/include/channel.h, src/device/sendrecv.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace moewire {

enum class NcclLink { nvlink, pcie };

// What the rules look at. Versions as NCCL writes them: 22809 is 2.28.9.
struct NcclJob {
    int version = 22809;
    int ranks = 1, nodes = 1;
    int ranks_per_node = 1;            // of the largest node
    NcclLink link = NcclLink::nvlink;  // between ranks of one node
    int nvlinks = 18;                  // that join a rank with its neighbours
    int nics_per_rank = 1;             // cards near a rank
    double nic_bytes_per_s = 50e9;     // of one card, as NCCL counts: its Mbit/s over 8
    int collective_channels = 24;      // what its search found; its log says it
    std::optional<int> channels_per_net_peer = std::nullopt;  // NCCL_NCHANNELS_PER_NET_PEER
    friend bool operator==(NcclJob const&, NcclJob const&) = default;
};

enum class NcclProtocol { ll, simple };

class NcclRules {
  public:
    // Throws: usage (source "nccl"), for a version whose rules are not known.
    explicit NcclRules(NcclJob const& job);

    // "32 p2p channels, 32 p2p channels per peer" of its log.
    int p2p_channels() const { return p2p_channels_; }
    int channels_per_peer() const { return channels_per_peer_; }
    // "P2P Chunksize set to 524288". Unit: bytes.
    std::int64_t chunk_bytes() const { return chunk_bytes_; }

    // Over how many channels one message is cut.
    int channels_of(std::uint64_t message_bytes) const;
    NcclProtocol protocol_of(std::uint64_t message_bytes) const;
    // Bytes of one step of one message on one channel; smaller over the network for short messages.
    enum class Way { within_node, over_network };
    std::int64_t chunk_of(std::uint64_t message_bytes, Way way) const;

    // The longest message that goes by LL.
    std::uint64_t most_ll_bytes() const { return most_ll_bytes_; }

    // Messages of these and fewer bytes are treated unlike longer ones: protocol or channels change.
    // Ascending.
    std::vector<std::uint64_t> const& edges_bytes() const { return edges_bytes_; }

    // Messages that run at once on one channel and share its threads, when a rank sends `messages` of them
    // over `channels` channels each.
    int sharing(int messages, int channels) const;
    // How often a channel starts anew, for the same.
    int batches(int messages, int channels) const;

    // Batch, on its channels, of the message that the round sends; rounds count from 0 in NCCL's order.
    int batch_of_round(int round, int channels) const;
    // Which round sends from one rank to the other, for ranks in blocks of equal nodes; where nodes differ,
    // the distance stands for it.
    int round_of(int source, int destination) const;
    // The first of its channels.
    int first_channel_of_round(int round) const;

  private:
    void count_channels();
    void find_edges();
    void order_rounds();

    NcclJob job_;
    int p2p_channels_ = 1, channels_per_peer_ = 1, start_channels_ = 1;
    int group_ = 1;                    // ranks that neighbouring rounds walk through
    std::vector<int> round_of_group_;  // by distance of groups
    std::int64_t chunk_bytes_ = 0;
    std::uint64_t most_ll_bytes_ = 0;
    std::vector<std::uint64_t> edges_bytes_;
};

// The version behind "2.28.9+cuda13.0" or "2.28.9", as a number. Throws: usage (source "nccl").
int nccl_version_of(std::string_view text);

}  // namespace moewire
