// Rows on a GPU, for exchanges that merely enqueue.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/contract.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "base/show.hpp"
#include "gpu/device.hpp"
#include "measure/lane.hpp"

namespace moewire {
namespace {

// Rows of zeros would travel under other conditions than real ones: they draw less power.
void fill_at_random(std::span<std::byte> rows) {
    constexpr std::size_t most = std::size_t{64} << 20;
    std::vector<std::uint64_t> words(std::min(rows.size(), most) / sizeof(std::uint64_t) + 1);
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = mix64(i + 1);
    for (std::size_t at = 0; at < rows.size(); at += most) {
        auto const part = rows.subspan(at, std::min(most, rows.size() - at));
        device().copy(part.data(), words.data(), part.size());
    }
    device().synchronise();
}

class DeviceLane : public Lane {
  public:
    DeviceLane(Communicator const& communicator, DeviceMemory memory)
        : communicator_(communicator), memory_(memory) {}

    char const* clock() const override { return "device"; }

    void allocate(std::uint64_t send_bytes, std::uint64_t receive_bytes) override {
        auto const all = static_cast<std::uint64_t>(device().facts().memory_bytes);
        // One by one: their sum may not fit into 64 bits.
        if (send_bytes > all || receive_bytes > all - send_bytes) {
            throw usage_error(fmt::format(
                "rows of {} to send and {} to receive exceed the GPU's memory ({}); use "
                "smaller sizes",
                show_bytes(static_cast<double>(send_bytes)), show_bytes(static_cast<double>(receive_bytes)),
                show_bytes(static_cast<double>(all))));
        }
        send_.reset();
        receive_.reset();
        send_ = device().allocate(send_bytes, memory_);
        receive_ = device().allocate(receive_bytes, memory_);
        fill_at_random(send_->bytes());
        device().fill(receive_->bytes().data(), std::byte{0}, receive_bytes);
    }

    std::span<std::byte const> send() const override { return send_->bytes(); }
    std::span<std::byte> receive() override { return receive_->bytes(); }

    void write_send(std::uint64_t at, std::span<std::byte const> rows) override {
        device().copy(send_->bytes().subspan(at, rows.size()).data(), rows.data(), rows.size());
        device().synchronise();
    }
    void read_receive(std::uint64_t at, std::span<std::byte> rows) override {
        device().copy(rows.data(), receive_->bytes().subspan(at, rows.size()).data(), rows.size());
        device().synchronise();
    }

    void align() override {
        device().synchronise();
        communicator_.barrier();
    }

    void expect(std::size_t iterations) override {
        if (room_ < 2 * iterations) {
            room_ = 2 * iterations;
            marks_ = device().make_marks(room_);
            // An event is made when it is first used: not while it is timed.
            for (std::size_t index = 0; index < room_; ++index) marks_->mark(index);
            device().synchronise();
        }
        iterations_ = iterations;
        order_.clear();
        order_.reserve(2 * iterations);
    }
    void begin(std::size_t iteration) override { mark(2 * iteration); }
    void end(std::size_t iteration) override { mark(2 * iteration + 1); }

    Marks finish() override {
        device().synchronise();
        double const none = std::numeric_limits<double>::quiet_NaN();
        Marks marks{std::vector<double>(iterations_, none), std::vector<double>(iterations_, none)};
        double at_s = 0;
        for (std::size_t i = 0; i < order_.size(); ++i) {
            // From mark to mark: CUDA's interval is a float, and a long one has lost its microseconds.
            if (i > 0) at_s += marks_->seconds_between(order_[i - 1], order_[i]);
            auto& side = order_[i] % 2 == 0 ? marks.begin_s : marks.end_s;
            side[order_[i] / 2] = at_s;
        }
        return marks;
    }

  private:
    void mark(std::size_t index) {
        MOEWIRE_EXPECT(index < 2 * iterations_);
        marks_->mark(index);
        order_.push_back(index);
    }

    Communicator communicator_;
    DeviceMemory memory_;
    std::unique_ptr<DeviceBuffer> send_, receive_;
    std::unique_ptr<DeviceMarks> marks_;  // 2 x iteration: its begin, then its end
    std::size_t room_ = 0, iterations_ = 0;
    std::vector<std::size_t> order_;  // marks as they were made
};

}  // namespace

std::unique_ptr<Lane> make_device_lane(Communicator const& communicator, DeviceMemory memory) {
    return std::make_unique<DeviceLane>(communicator, memory);
}

}  // namespace moewire
