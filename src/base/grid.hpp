// Where do counts and times live? A dense row-major array with N axes, indexed by numbers or ids.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "base/contract.hpp"
#include "base/ids.hpp"

namespace moewire {

// Grid<T, N> owns its values; the last axis is contiguous.
template <class T, std::size_t N>
class Grid {
  public:
    using Shape = std::array<std::size_t, N>;

    Grid() : shape_{} {}

    template <class... Extent>
    requires(sizeof...(Extent) == N) explicit Grid(Extent... extent) : Grid(Shape{index_of(extent)...}) {}

    explicit Grid(Shape shape) : shape_(shape), values_(product(shape)) {}

    Grid(Shape shape, std::vector<T> values) : shape_(shape), values_(std::move(values)) {
        MOEWIRE_EXPECT(values_.size() == product(shape));
    }

    Shape const& shape() const { return shape_; }
    std::size_t extent(std::size_t axis) const { return shape_[axis]; }
    std::size_t size() const { return values_.size(); }
    bool empty() const { return values_.empty(); }

    template <class... Index>
    requires(sizeof...(Index) == N) T& operator()(Index... index) {
        return values_[offset({index_of(index)...})];
    }
    template <class... Index>
    requires(sizeof...(Index) == N) T const& operator()(Index... index) const {
        return values_[offset({index_of(index)...})];
    }

    // The contiguous values below the first sizeof...(Index) axes; `row()` is everything.
    template <class... Index>
    requires(sizeof...(Index) < N) std::span<T> row(Index... index) {
        auto const [begin, count] = slice<sizeof...(Index)>({index_of(index)...});
        return std::span<T>(values_).subspan(begin, count);
    }
    template <class... Index>
    requires(sizeof...(Index) < N) std::span<T const> row(Index... index)
    const {
        auto const [begin, count] = slice<sizeof...(Index)>({index_of(index)...});
        return std::span<T const>(values_).subspan(begin, count);
    }

    std::vector<T> const& values() const { return values_; }
    std::vector<T>& values() { return values_; }

    friend bool operator==(Grid const&, Grid const&) = default;

  private:
    static std::size_t product(Shape const& shape) {
        return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>{});
    }

    std::size_t offset(Shape const& index) const {
        std::size_t flat = 0;
        for (std::size_t axis = 0; axis < N; ++axis) {
            MOEWIRE_EXPECT(index[axis] < shape_[axis]);
            flat = flat * shape_[axis] + index[axis];
        }
        return flat;
    }

    template <std::size_t M>
    std::pair<std::size_t, std::size_t> slice(std::array<std::size_t, M> const& index) const {
        std::size_t const count =
            std::accumulate(shape_.begin() + M, shape_.end(), std::size_t{1}, std::multiplies<>{});
        std::size_t flat = 0;
        for (std::size_t axis = 0; axis < M; ++axis) {
            MOEWIRE_EXPECT(index[axis] < shape_[axis]);
            flat = flat * shape_[axis] + index[axis];
        }
        return {flat * count, count};
    }

    Shape shape_;
    std::vector<T> values_;
};

// Sum of the values of a span, in the value type itself (64-bit for counts).
template <class T>
T sum(std::span<T const> values) {
    return std::accumulate(values.begin(), values.end(), T{0});
}
template <class T>
T sum(std::vector<T> const& values) {
    return sum(std::span<T const>(values));
}

}  // namespace moewire
