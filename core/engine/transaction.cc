#include "engine/transaction.h"

namespace omendb {
namespace {

Status CheckConflict(const CollectionSet& collections, const View& transaction, const View::Write& write) {
  const Collection* collection = collections.Find(write.collection);
  if (collection == nullptr) {
    return Status::Error(Code::kConflict, "collection ", write.collection,
                         ", which this transaction wrote to, was dropped since it began");
  }
  const Origin origin = Origin::Argument("transaction");
  BlobList ids;
  if (write.is_delete) {
    OMENDB_ASSIGN(ids, DecodeIdList(write.payload.span(), origin));
  } else {
    OMENDB_ASSIGN(RowBatch batch, RowBatch::Decode(write.payload.span(), origin));
    ids = batch.ids();
  }
  OMENDB_ASSIGN(bool touched, TouchedSince(*collection, ids, transaction.sequence()));
  if (!touched) return Status::Ok();
  return Status::Error(Code::kConflict, "a commit after sequence ", transaction.sequence(),
                       " touched a row of collection '", collection->name(), "' that this transaction wrote");
}

}  // namespace

Status AddTransaction(const CollectionSet& collections, const View& transaction, FrameBuilder& frame) {
  if (!frame.open() || !frame.empty()) {
    return Status::Error(Code::kInvalidArgument, "expected an open frame without operations");
  }
  for (const View::Write& write : transaction.writes()) {
    OMENDB_TRY(CheckConflict(collections, transaction, write));
  }
  for (const View::Write& write : transaction.writes()) {
    OMENDB_ASSIGN(uint8_t* out, frame.Payload(static_cast<uint32_t>(write.payload.size())));
    std::memcpy(out, write.payload.data(), write.payload.size());
    OMENDB_TRY(write.is_delete ? frame.Delete(write.collection) : frame.Upsert(write.collection));
  }
  return Status::Ok();
}

}  // namespace omendb
