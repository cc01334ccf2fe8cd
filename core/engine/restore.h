// Making the newest state equal to a past one, as operations of a frame like any others: what came since is
// deleted or dropped, what went is written again. docs/architecture.md, "States in time".
#ifndef OMENDB_ENGINE_RESTORE_H_
#define OMENDB_ENGINE_RESTORE_H_

#include "engine/frame_builder.h"
#include "engine/views.h"

namespace omendb {

// Adds the operations to the open frame, none when the states are equal. Rows that both states have stay as
// they are. LIMIT_EXCEEDED when it does not fit one commit, OUT_OF_MEMORY; the caller discards the frame
// then.
Status AddRestore(const CollectionSet& collections, View& view, FrameBuilder& frame);

}  // namespace omendb

#endif  // OMENDB_ENGINE_RESTORE_H_
