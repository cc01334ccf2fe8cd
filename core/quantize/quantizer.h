// Quantizer: what every kind of codes has in common: it is learned from rows, encodes rows, and is stored
// with them. What a query does with codes is each kind's own, and its scorer's (index/code_scorer.h).
//
// Memory is asked for in Train, Deserialize and where a Status says so; nothing else can fail.
#ifndef OMENDB_QUANTIZE_QUANTIZER_H_
#define OMENDB_QUANTIZE_QUANTIZER_H_

#include <cstdint>
#include <span>

#include "base/allocation.h"
#include "base/coding.h"
#include "omendb/types.h"

namespace omendb {

class Quantizer {
 public:
  virtual ~Quantizer() = default;
  Quantizer() = default;
  Quantizer(const Quantizer&) = delete;
  Quantizer& operator=(const Quantizer&) = delete;

  // What kind it is: never kNone or kAuto.
  [[nodiscard]] virtual Quantization kind() const = 0;
  // Bytes of an encoded row, a multiple of 4.
  [[nodiscard]] virtual size_t row_bytes() const = 0;
  // Floats that Encode needs to work in.
  [[nodiscard]] virtual size_t room_floats() const = 0;
  [[nodiscard]] virtual size_t memory_bytes() const = 0;

  // Learns from sample rows: rows[i] points to the quantizer's dimensions of finite floats, inverse_norms[i]
  // scales it (1 unless cosine). rows.size() >= 1. OUT_OF_MEMORY only; it is then as before.
  virtual Status Train(std::span<const float* const> rows, std::span<const float> inverse_norms) = 0;
  // Encodes one row into row_bytes() bytes at `out`, 4-byte aligned. REQUIRES: trained.
  virtual void Encode(const float* vector, float inverse_norm, float* room, uint8_t* out) const = 0;
  // Whether Encode can have made the row, or it is all zeros. What passes is safe to search; whether it is
  // the row's is not checked: a row that is wrong is a wrong distance, no more.
  [[nodiscard]] virtual bool ValidRow(const uint8_t* row) const = 0;

  // Stored form (docs/file-format.md, "Quantizers"); Deserialize reads what Serialize wrote after its first
  // four bytes, which name the metric and the kind. CORRUPTION when it is truncated, of other dimensions or
  // out of range; OUT_OF_MEMORY. It is then as before.
  virtual Status Serialize(Bytes& out) const = 0;
  virtual Status Deserialize(Reader& in) = 0;
};

// A quantizer of that kind, not trained. Null when memory is refused. REQUIRES: kind is neither kNone nor
// kAuto, and supports the metric (SupportsMetric).
[[nodiscard]] Owned<Quantizer> MakeQuantizer(Quantization kind, Metric metric, uint32_t dimensions,
                                             uint64_t seed);
[[nodiscard]] bool SupportsMetric(Quantization kind, Metric metric);
// What kAuto means for rows like these; other kinds are what they are.
[[nodiscard]] Quantization ChooseQuantization(const CollectionOptions& options);

// The kind that takes the next fewer bits and is as fit for any data; the same when there is none.
[[nodiscard]] Quantization WithFewerBits(Quantization kind);

// The first four bytes of a stored quantizer.
[[nodiscard]] uint32_t QuantizerTag(Quantization kind, Metric metric);
// The kind a tag names; kNone when it is none of this metric.
[[nodiscard]] Quantization KindOfTag(uint32_t tag, Metric metric);

}  // namespace omendb

#endif  // OMENDB_QUANTIZE_QUANTIZER_H_
