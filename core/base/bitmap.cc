#include "base/bitmap.h"

namespace omendb {
namespace {

constexpr size_t WordCount(uint32_t size) { return (size_t{size} + 63) / 64; }

// The bits of the last word that lie inside a bitmap of `size` bits.
constexpr uint64_t LastWordMask(uint32_t size) {
  return size % 64 == 0 ? ~uint64_t{0} : (uint64_t{1} << (size % 64)) - 1;
}

uint32_t CountSet(std::span<const uint64_t> words) {
  uint32_t count = 0;
  for (uint64_t word : words) count += static_cast<uint32_t>(std::popcount(word));
  return count;
}

}  // namespace

Status Bitmap::Resize(uint32_t size) {
  OMENDB_TRY(words_.Resize(WordCount(size)));
  bool shrinks = size < size_;
  size_ = size;
  if (shrinks) {
    // Bits past the end stay clear, so that growing again shows clear bits.
    if (size > 0) words_.back() &= LastWordMask(size);
    set_count_ = CountSet(words_.span());
  }
  return Status::Ok();
}

uint32_t Bitmap::FirstSet(uint32_t from) const {
  if (from >= size_) return size_;
  uint64_t bits = words_[from >> 6] & (~uint64_t{0} << (from & 63));
  for (size_t word = from >> 6;; bits = words_[word]) {
    if (bits != 0) return static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(bits)));
    if (++word == words_.size()) return size_;
  }
}

Status Bitmap::CopyFrom(const Bitmap& other) {
  if (this == &other) return Status::Ok();
  return Assign(other.words(), other.size());
}

void Bitmap::Squeeze(const Bitmap& removed) {
  uint32_t kept = 0;
  for (uint32_t index = 0; index < size_; ++index) {
    if (removed.Test(index)) continue;
    if (Test(index)) {
      Set(kept);
    } else {
      Unset(kept);
    }
    ++kept;
  }
  // Smaller than before, so nothing is allocated.
  (void)Resize(kept);
  words_.ShrinkToFit();
}

void Bitmap::Clear() {
  words_.Clear();
  size_ = 0;
  set_count_ = 0;
}

Status Bitmap::Assign(std::span<const uint64_t> words, uint32_t size) {
  if (words.size() != WordCount(size)) {
    return Status::Error(Code::kCorruption, "a bitmap of ", size, " bits has ", words.size(), " words");
  }
  if (size > 0 && (words.back() & ~LastWordMask(size)) != 0) {
    return Status::Error(Code::kCorruption, "a bitmap of ", size, " bits has bits set past its end");
  }
  OMENDB_TRY(words_.Reserve(words.size()));
  words_.Clear();
  OMENDB_TRY(words_.Append(words));
  size_ = size;
  set_count_ = CountSet(words);
  return Status::Ok();
}

}  // namespace omendb
