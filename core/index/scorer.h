// Scorer: one query against many rows by ordinal; what graph code knows of vectors.
//
// A virtual call is paid once per batch (a node's unvisited neighbors), never once per distance, so
// the graph code exists once, whatever it traverses on. Distances are ordering distances
// (distance/metric.h). Memory is asked for in Reserve and ReserveKept alone: setting a query cannot fail.
// Not thread safe; one scorer per concurrent query.
#ifndef OMENDB_INDEX_SCORER_H_
#define OMENDB_INDEX_SCORER_H_

#include <cstdint>

#include "omendb/status.h"

namespace omendb {

class Scorer {
 public:
  virtual ~Scorer() = default;
  Scorer() = default;
  Scorer(const Scorer&) = delete;
  Scorer& operator=(const Scorer&) = delete;

  // `vector`: the space's dimensions of floats, copied or read until the next Set call;
  // `inverse_norm` from CheckVector.
  virtual void SetVector(const float* vector, float inverse_norm) = 0;
  // The query becomes the stored row itself.
  virtual void SetRow(uint32_t ordinal) = 0;
  // distances[i] = distance(query, ordinals[i]) for i < count.
  virtual void Distances(const uint32_t* ordinals, uint32_t count, float* distances) const = 0;

  [[nodiscard]] float Distance(uint32_t ordinal) const {
    float distance = 0;
    Distances(&ordinal, 1, &distance);
    return distance;
  }

  // By how much the row's distance from a query that SetVector set may be off, but for one row in some
  // hundreds; negative when nothing is known of that. `distance` is what Distances says.
  [[nodiscard]] virtual float ErrorBound(uint32_t ordinal, float distance) {
    (void)ordinal;
    (void)distance;
    return -1;
  }

  // True when two rows cannot be told apart: every distance from one is the same from the other.
  [[nodiscard]] virtual bool SameRow(uint32_t a, uint32_t b) const = 0;

  // The kept set of a neighbor selection: rows that are each compared with many candidates, so each is
  // prepared once. Apart from the query.
  // OUT_OF_MEMORY leaves the room there was.
  virtual Status ReserveKept(uint32_t count) = 0;
  // The row becomes kept row `slot`. REQUIRES: slot < the count reserved.
  virtual void SetKept(uint32_t slot, uint32_t ordinal) = 0;
  // True when one of the first `count` kept rows is nearer to the row than `distance`.
  [[nodiscard]] virtual bool AnyKeptNearer(uint32_t count, uint32_t ordinal, float distance) const = 0;
};

}  // namespace omendb

#endif  // OMENDB_INDEX_SCORER_H_
