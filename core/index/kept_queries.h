// The kept set of scorers over codes (scorer.h): a prepared query for each row.
#ifndef OMENDB_INDEX_KEPT_QUERIES_H_
#define OMENDB_INDEX_KEPT_QUERIES_H_

#include <utility>

#include "base/array.h"

namespace omendb {

// Makes `kept` `count` queries of the quantizer, or more. OUT_OF_MEMORY leaves those there were.
template <typename Quantizer>
Status ReserveKeptQueries(const Quantizer& quantizer, uint32_t count,
                          Array<typename Quantizer::Query>& kept) {
  if (count <= kept.size()) return Status::Ok();
  OMENDB_TRY(kept.Reserve(count));
  while (kept.size() < count) {
    typename Quantizer::Query query;
    OMENDB_TRY(quantizer.ReserveQuery(&query));
    kept.PushReserved(std::move(query));
  }
  return Status::Ok();
}

}  // namespace omendb

#endif  // OMENDB_INDEX_KEPT_QUERIES_H_
