// Engine: of the public surface what keeps a database in order between requests: background work,
// checkpoints, and which vectors are in memory.
#include <algorithm>

#include "engine/background.h"
#include "engine/engine_state.h"
#include "omendb/engine.h"

namespace omendb {

// ---- Background work ----------------------------------------------------------------------------------

Result<WorkState> Engine::Work(uint32_t steps) {
  OMENDB_TRY(state_->RequireOpen());
  if (!state_->checkpoint.open()) {
    state_->BeginReading();
    OMENDB_TRY(state_->EndReading(
        DoSteps(state_->collections, state_->Limits(), steps, state_->searcher.scratch())));
  }
  WorkState work;
  const WorkLimits limits = state_->Limits();
  for (uint32_t i = 0; i < state_->collections.count(); ++i) {
    work.remaining += StepsDue(state_->collections.at(i), limits);
  }
  return work;
}

// ---- Checkpoint ---------------------------------------------------------------------------------------

Status Engine::BeginCheckpoint(bool whole) {
  OMENDB_TRY(state_->RequireWriter());
  if (state_->checkpoint.open()) {
    return Status::Error(Code::kInvalidArgument, "a checkpoint is open already");
  }
  // The memtable that an open frame's rows would go to is about to be sealed.
  if (state_->frames.open()) return Status::Error(Code::kInvalidArgument, "a frame is open");
  return state_->checkpoint.Begin(state_->collections, state_->log, state_->sequence, whole);
}

Result<bool> Engine::NextCheckpointObject() {
  if (!state_->checkpoint.open()) return Status::Error(Code::kInvalidArgument, "no checkpoint is open");
  state_->BeginReading();
  Result<bool> next = state_->checkpoint.Next();
  OMENDB_TRY(state_->EndReading(next.status()));
  return next;
}

std::span<const uint8_t> Engine::CheckpointObject() const { return state_->checkpoint.object(); }

std::string_view Engine::CheckpointObjectName() const { return state_->checkpoint.name().text(); }

void Engine::FinishCheckpoint() {
  if (!state_->checkpoint.complete()) return AbortCheckpoint();
  state_->head.has_manifest = true;
  state_->head.manifest = state_->checkpoint.manifest();
  state_->checkpoint.Finish();
  state_->budget.Enforce(state_->collections);
  state_->wal.DropThrough(state_->checkpoint.stored_sequence());
  state_->Forget();
}

void Engine::AbortCheckpoint() {
  if (!state_->checkpoint.open()) return;
  state_->checkpoint.Abort();
  state_->Forget();
}

uint64_t Engine::UncheckpointedWalBytes() const { return state_->wal.bytes(); }

uint32_t Engine::UncheckpointedWalObjects() const { return state_->wal.count(); }

uint64_t Engine::UncheckpointedGraphRows() const {
  return state_->checkpoint.UnstoredNodes(state_->collections);
}

uint64_t Engine::ReclaimableBytes() const { return state_->checkpoint.ReclaimableBytes(state_->collections); }

uint32_t Engine::StoredObjectCount() const {
  state_->stored_names.Clear();
  const Head& head = state_->head;
  if (!head.has_manifest || !state_->stored_names.Push(head.manifest.name()).ok() ||
      !state_->checkpoint.ListStored(&state_->stored_names).ok()) {
    state_->stored_names.Clear();
  }
  return static_cast<uint32_t>(state_->stored_names.size());
}

std::string_view Engine::StoredObjectName(uint32_t index) const {
  return index < state_->stored_names.size() ? state_->stored_names[index].text() : std::string_view();
}

// ---- Vectors in storage -------------------------------------------------------------------------------

void Engine::LeaveVectors(uint64_t bytes_min) { state_->loader.LeaveVectors(bytes_min); }

uint32_t Engine::LeftObjectCount() const { return state_->loader.left_count(); }

std::string_view Engine::LeftObjectName(uint32_t index) const { return state_->loader.left_name(index); }

void Engine::SetMemoryBudget(uint64_t bytes, bool may_leave) {
  state_->budget.Set(bytes, may_leave);
  // While one is made, its vectors may be there twice.
  const uint64_t body_bytes = bytes == 0 ? kObjectBodyBytesTarget : std::max<uint64_t>(bytes / 32, 65536);
  state_->checkpoint.set_body_bytes(
      static_cast<size_t>(std::min<uint64_t>(body_bytes, kObjectBodyBytesTarget)));
  state_->budget.Enforce(state_->collections);
}

std::span<const WantedRange> Engine::Wanted() const { return state_->wanted.ranges(); }

Status Engine::TakeWanted(std::span<const uint8_t> bytes) { return state_->wanted.Take(bytes); }

Engine::Room Engine::MakeRoom(uint64_t bytes) {
  if (state_->budget.RequireRoom(state_->collections, bytes).ok()) return Room::kEnough;
  const WorkLimits limits = state_->Limits();
  for (uint32_t i = 0; i < state_->collections.count(); ++i) {
    if (StepsDue(state_->collections.at(i), limits) > 0) return Room::kAfterWork;
  }
  return state_->wal.count() > 0 || state_->checkpoint.open() ? Room::kAfterCheckpoint : Room::kNone;
}

}  // namespace omendb
