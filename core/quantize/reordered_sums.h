// OMENDB_REORDER_SUMS at the start of a block lets its f32 sums be added up in another order, which vectors
// need.
#ifndef OMENDB_QUANTIZE_REORDERED_SUMS_H_
#define OMENDB_QUANTIZE_REORDERED_SUMS_H_

#if defined(__clang__)
#define OMENDB_REORDER_SUMS _Pragma("clang fp reassociate(on)")
#else
#define OMENDB_REORDER_SUMS
#endif

#endif  // OMENDB_QUANTIZE_REORDERED_SUMS_H_
