// Views: the snapshots and transactions that are open. docs/architecture.md, "States in time".
//
// A view holds its sequence; what it shows of a collection is worked out when it is first read. As long as
// it is open the history keeps what it needs (OldestSequence).
#ifndef OMENDB_ENGINE_VIEWS_H_
#define OMENDB_ENGINE_VIEWS_H_

#include "engine/collection_set.h"
#include "engine/collection_view.h"

namespace omendb {

class View {
 public:
  // One write of a transaction, to be replayed into the frame that commits it.
  struct Write {
    CollectionId collection = 0;
    bool is_delete = false;
    Bytes payload;  // a row batch or an id list
  };

  View(ViewId id, uint64_t sequence, bool is_transaction)
      : id_(id), sequence_(sequence), is_transaction_(is_transaction) {}

  [[nodiscard]] ViewId id() const { return id_; }
  [[nodiscard]] uint64_t sequence() const { return sequence_; }
  [[nodiscard]] bool is_transaction() const { return is_transaction_; }
  [[nodiscard]] const Array<Write>& writes() const { return writes_; }

  // What it shows of a collection that existed then, ready to be read. OUT_OF_MEMORY.
  Result<CollectionView*> Of(const Collection& collection);

  // REQUIRES: is_transaction(). All or nothing.
  Status Upsert(const Collection& collection, const RowBatch& batch, ByteSpan payload);
  Result<uint32_t> Delete(const Collection& collection, const BlobList& ids, ByteSpan payload);

 private:
  struct Entry {
    CollectionId collection = 0;
    Owned<CollectionView> view;
  };

  // OUT_OF_MEMORY; else writes_ has room for it.
  Status Keep(CollectionId collection, bool is_delete, ByteSpan payload, Write* write);

  ViewId id_;
  uint64_t sequence_;
  bool is_transaction_;
  Array<Entry> entries_;
  Array<Write> writes_;
};

class Views {
 public:
  // LIMIT_EXCEEDED beyond kViewsMax, OUT_OF_MEMORY.
  Result<ViewId> Open(uint64_t sequence, bool is_transaction);
  void Close(ViewId id);
  [[nodiscard]] bool empty() const { return views_.empty(); }
  // NOT_FOUND.
  [[nodiscard]] Result<View*> Require(ViewId id) const;
  // The smallest sequence that is held open, at most `newest`.
  [[nodiscard]] uint64_t OldestSequence(uint64_t newest) const;

 private:
  Array<Owned<View>> views_;
  ViewId next_ = 1;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_VIEWS_H_
