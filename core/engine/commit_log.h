// CommitLog: when the commits were made that can still be asked for, and which requests were carried out.
#ifndef OMENDB_ENGINE_COMMIT_LOG_H_
#define OMENDB_ENGINE_COMMIT_LOG_H_

#include "base/array.h"
#include "format/manifest.h"
#include "omendb/status.h"

namespace omendb {

class CommitLog {
 public:
  // States from here on can be read.
  [[nodiscard]] uint64_t oldest_sequence() const { return oldest_; }
  [[nodiscard]] const Array<CommitTime>& times() const { return times_; }
  [[nodiscard]] const Array<TokenResult>& tokens() const { return tokens_; }

  // Room for so many commits with `tokens` requests together. OUT_OF_MEMORY.
  Status Reserve(uint32_t commits, uint32_t tokens);
  // REQUIRES: reserved; sequences rise. A clock that went back counts as one that stood still.
  void Add(uint64_t sequence, uint64_t time_ms);
  // REQUIRES: reserved. The oldest one beyond kTokensMax is forgotten.
  void AddToken(const TokenResult& result);

  // The last commit at or before `time_ms` becomes the oldest.
  void ForgetBefore(uint64_t time_ms);
  // NOT_RETAINED when it is older than oldest_sequence().
  [[nodiscard]] Result<uint64_t> SequenceAt(uint64_t time_ms) const;
  // Rows that the write with this token changed. NOT_FOUND.
  [[nodiscard]] Result<uint32_t> FindToken(const Token& token) const;

  // What a manifest says. OUT_OF_MEMORY.
  Status Load(const Manifest& manifest);
  Status CopyTo(Manifest* manifest) const;
  // Nothing before `sequence` can be read, and it is the state of every time until the next commit.
  // On OUT_OF_MEMORY nothing changed.
  Status StartAt(uint64_t sequence);

 private:
  uint64_t oldest_ = 0;
  Array<CommitTime> times_;  // of oldest_ and what followed
  Array<TokenResult> tokens_;
};

}  // namespace omendb

#endif  // OMENDB_ENGINE_COMMIT_LOG_H_
