// Array<T>: a growable array whose growth can be refused.
//
// Like std::vector for movable T, except that anything that may allocate returns Status, and a
// failed call leaves the array as it was. Elements are contiguous and cache-line aligned at index 0.
// Not thread safe. Not for big per-row data that grows for ever: see chunked_rows.h.
#ifndef OMENDB_BASE_ARRAY_H_
#define OMENDB_BASE_ARRAY_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "base/allocation.h"

namespace omendb {

template <typename T>
class Array {
  static_assert(std::is_nothrow_move_constructible_v<T>);
  static_assert(alignof(T) <= kCacheLineBytes);

 public:
  Array() = default;
  ~Array() { Release(); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  Array(Array&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    if (this != &other) {
      Release();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] size_t capacity() const { return capacity_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] T& operator[](size_t index) {
    assert(index < size_);
    return data_[index];
  }
  [[nodiscard]] const T& operator[](size_t index) const {
    assert(index < size_);
    return data_[index];
  }
  [[nodiscard]] T& back() { return (*this)[size_ - 1]; }
  [[nodiscard]] const T& back() const { return (*this)[size_ - 1]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  [[nodiscard]] std::span<T> span() { return {data_, size_}; }
  [[nodiscard]] std::span<const T> span() const { return {data_, size_}; }

  // Room for `capacity` elements in all; grows by at least half so that pushes are amortized O(1).
  Status Reserve(size_t capacity) {
    if (capacity <= capacity_) return Status::Ok();
    size_t grown = capacity_ + capacity_ / 2;
    return Reallocate(capacity > grown ? capacity : grown);
  }
  // Room for `count` more elements than now, so that PushReserved cannot fail.
  Status ReserveMore(size_t count) {
    if (count > std::numeric_limits<size_t>::max() / sizeof(T) - size_) return OutOfMemory(count);
    return Reserve(size_ + count);
  }
  Status Push(T value) {
    OMENDB_TRY(ReserveMore(1));
    PushReserved(std::move(value));
    return Status::Ok();
  }
  // REQUIRES: size() < capacity().
  void PushReserved(T value) {
    assert(size_ < capacity_);
    new (data_ + size_) T(std::move(value));
    ++size_;
  }
  // New elements are value-initialized (zero for numbers).
  Status Resize(size_t size) {
    OMENDB_TRY(Reserve(size));
    if (size_ > size) Truncate(size);
    if constexpr (std::is_trivial_v<T>) {
      if (size > size_) std::memset(static_cast<void*>(data_ + size_), 0, (size - size_) * sizeof(T));
      size_ = size;
    } else {
      while (size_ < size) new (data_ + size_++) T();
    }
    return Status::Ok();
  }
  // New elements have no value until they are written.
  Status ResizeToOverwrite(size_t size)
    requires std::is_trivial_v<T>
  {
    OMENDB_TRY(Reserve(size));
    size_ = size;
    return Status::Ok();
  }
  Status Append(std::span<const T> values)
    requires std::is_trivially_copyable_v<T>
  {
    OMENDB_TRY(ReserveMore(values.size()));
    if (!values.empty()) std::memcpy(data_ + size_, values.data(), values.size_bytes());
    size_ += values.size();
    return Status::Ok();
  }
  void Pop() { data_[--size_].~T(); }
  // Keeps capacity.
  void Truncate(size_t size) {
    assert(size <= size_);
    if constexpr (std::is_trivially_destructible_v<T>) {
      // Optimized for size, the loop would stay although it does nothing.
      size_ = size;
    } else {
      while (size_ > size) data_[--size_].~T();
    }
  }
  void Clear() { Truncate(0); }
  // Gives spare capacity back; keeps it when memory for the smaller copy is refused.
  void ShrinkToFit() {
    if (size_ == 0) {
      Release();
    } else if (size_ < capacity_) {
      (void)Reallocate(size_);
    }
  }
  // Gives the memory back.
  void Release() {
    Clear();
    FreeBytes(data_);
    data_ = nullptr;
    capacity_ = 0;
  }

 private:
  Status Reallocate(size_t capacity) {
    if (capacity > std::numeric_limits<size_t>::max() / sizeof(T)) return OutOfMemory(capacity);
    T* data = static_cast<T*>(AllocateBytes(capacity * sizeof(T)));
    if (data == nullptr) return OutOfMemory(capacity * sizeof(T));
    if constexpr (std::is_trivially_copyable_v<T>) {
      if (size_ > 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(T));
    } else {
      for (size_t i = 0; i < size_; ++i) {
        new (data + i) T(std::move(data_[i]));
        data_[i].~T();
      }
    }
    FreeBytes(data_);
    data_ = data;
    capacity_ = capacity;
    return Status::Ok();
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

using Bytes = Array<uint8_t>;
using ByteSpan = std::span<const uint8_t>;

}  // namespace omendb

#endif  // OMENDB_BASE_ARRAY_H_
