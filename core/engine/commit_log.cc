#include "engine/commit_log.h"

#include <algorithm>

#include "omendb/limits.h"

namespace omendb {
namespace {

template <typename T>
void DropFront(Array<T>& array, size_t count) {
  std::move(array.begin() + count, array.end(), array.begin());
  array.Truncate(array.size() - count);
}

}  // namespace

Status CommitLog::Reserve(uint32_t commits, uint32_t tokens) {
  OMENDB_TRY(times_.ReserveMore(commits));
  return tokens_.ReserveMore(tokens);
}

void CommitLog::Add(uint64_t sequence, uint64_t time_ms) {
  if (!times_.empty()) time_ms = std::max(time_ms, times_.back().time_ms);
  times_.PushReserved({sequence, time_ms});
}

void CommitLog::AddToken(const TokenResult& result) {
  // Moved once for as many as are kept.
  if (tokens_.size() >= size_t{2} * kTokensMax) DropFront(tokens_, tokens_.size() - kTokensMax + 1);
  tokens_.PushReserved(result);
}

void CommitLog::ForgetBefore(uint64_t time_ms) {
  size_t last = times_.size();
  while (last > 0 && times_[last - 1].time_ms > time_ms) --last;
  if (last == 0) return;
  oldest_ = times_[last - 1].sequence;
  DropFront(times_, last - 1);
}

Result<uint64_t> CommitLog::SequenceAt(uint64_t time_ms) const {
  for (size_t i = times_.size(); i-- > 0;) {
    if (times_[i].time_ms <= time_ms) return times_[i].sequence;
  }
  // Before the first commit there was an empty database.
  if (oldest_ == 0) return uint64_t{0};
  return Status::Error(Code::kNotRetained, "the state at ", time_ms,
                       " ms since 1970 is no longer kept; the oldest one is of sequence ", oldest_);
}

Result<uint32_t> CommitLog::FindToken(const Token& token) const {
  // More are kept than are remembered, until they are moved; a checkpoint stores only the latter.
  const size_t first = tokens_.size() - std::min<size_t>(tokens_.size(), kTokensMax);
  for (size_t i = tokens_.size(); i-- > first;) {
    if (tokens_[i].token == token) return tokens_[i].rows;
  }
  return Status::Error(Code::kNotFound, "no commit that is remembered has this token");
}

Status CommitLog::Load(const Manifest& manifest) {
  OMENDB_TRY(times_.Append(manifest.commits.span()));
  OMENDB_TRY(tokens_.Append(manifest.tokens.span()));
  oldest_ = manifest.oldest_sequence;
  return Status::Ok();
}

Status CommitLog::CopyTo(Manifest* manifest) const {
  manifest->oldest_sequence = oldest_;
  OMENDB_TRY(manifest->commits.Append(times_.span()));
  const size_t kept = std::min<size_t>(tokens_.size(), kTokensMax);
  return manifest->tokens.Append(tokens_.span().subspan(tokens_.size() - kept));
}

Status CommitLog::StartAt(uint64_t sequence) {
  OMENDB_TRY(times_.ReserveMore(1));
  times_.Clear();
  times_.PushReserved({sequence, 0});
  tokens_.Clear();
  oldest_ = sequence;
  return Status::Ok();
}

}  // namespace omendb
