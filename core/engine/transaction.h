// Committing a transaction: the check for conflicts, and its writes as operations of a frame.
#ifndef OMENDB_ENGINE_TRANSACTION_H_
#define OMENDB_ENGINE_TRANSACTION_H_

#include "engine/frame_builder.h"
#include "engine/views.h"

namespace omendb {

// First committer wins: CONFLICT when a commit since the transaction began touched an id that it wrote.
// INVALID_ARGUMENT when the frame has operations already: what they will do cannot be looked up yet.
// LIMIT_EXCEEDED, OUT_OF_MEMORY. On failure nothing was added.
Status AddTransaction(const CollectionSet& collections, const View& transaction, FrameBuilder& frame);

}  // namespace omendb

#endif  // OMENDB_ENGINE_TRANSACTION_H_
