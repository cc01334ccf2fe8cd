#include "version_model.h"

#include <algorithm>
#include <cmath>

namespace omendb::test {

double ModelDistance(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  double aa = 0;
  double bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    const double y = b[i];
    switch (metric) {
      case Metric::kL2:
        sum += (x - y) * (x - y);
        break;
      case Metric::kCosine:
        aa += x * x;
        bb += y * y;
        [[fallthrough]];
      case Metric::kDot:
        sum += x * y;
        break;
      case Metric::kL1:
        sum += std::abs(x - y);
        break;
    }
  }
  if (metric == Metric::kL2) return std::sqrt(sum);
  if (metric == Metric::kCosine) return 1 - sum / std::sqrt(aa * bb);
  return metric == Metric::kDot ? -sum : sum;
}

std::vector<const Version*> ModelCollection::RowsAt(uint64_t sequence) const {
  std::vector<const Version*> rows;
  for (const auto& [order, version] : versions) {
    if (version.born <= sequence && sequence < version.died) rows.push_back(&version);
  }
  return rows;
}

bool ModelCollection::TouchedSince(const std::string& wanted, uint64_t sequence) const {
  return std::any_of(versions.begin(), versions.end(), [&](const auto& numbered) {
    const Version& version = numbered.second;
    return version.row.id == wanted &&
           (version.born > sequence || (version.died != kNever && version.died > sequence));
  });
}

std::vector<CollectionId> VersionModel::CollectionsAt(uint64_t sequence) const {
  std::vector<CollectionId> ids;
  for (const auto& [id, collection] : collections_) {
    if (collection.ExistsAt(sequence)) ids.push_back(id);
  }
  return ids;
}

CollectionId VersionModel::FindAt(const std::string& name, uint64_t sequence) const {
  for (const auto& [id, collection] : collections_) {
    if (collection.name == name && collection.ExistsAt(sequence)) return id;
  }
  return 0;
}

void VersionModel::Kill(ModelCollection& collection, const std::string& id) {
  collection.versions.at(collection.live.at(id)).died = sequence_;
  collection.live.erase(id);
}

uint32_t VersionModel::Apply(const ModelWrite& write, CollectionId created) {
  switch (write.kind) {
    case ModelWrite::Kind::kCreate: {
      EXPECT_FALSE(collections_.contains(created)) << "a collection id was used twice";
      next_id_ = std::max(next_id_, created + 1);
      ModelCollection& collection = collections_[created];
      collection.id = created;
      collection.name = write.name;
      collection.options = write.options;
      collection.created = sequence_;
      if (!write.rows.empty()) {
        (void)Apply({.kind = ModelWrite::Kind::kUpsert, .collection = created, .rows = write.rows}, 0);
      }
      return 0;
    }
    case ModelWrite::Kind::kDrop:
      collections_.at(write.collection).dropped = sequence_;
      return 0;
    case ModelWrite::Kind::kUpsert: {
      ModelCollection& collection = collections_.at(write.collection);
      for (const Row& row : write.rows) {
        if (collection.live.contains(row.id)) Kill(collection, row.id);
        collection.live[row.id] = next_order_;
        collection.versions[next_order_] = {row, next_order_, sequence_, kNever};
        ++next_order_;
      }
      return static_cast<uint32_t>(write.rows.size());
    }
    case ModelWrite::Kind::kDelete:
      break;
  }
  ModelCollection& collection = collections_.at(write.collection);
  uint32_t deleted = 0;
  for (const std::string& id : write.ids) {
    if (!collection.live.contains(id)) continue;
    Kill(collection, id);
    ++deleted;
  }
  return deleted;
}

std::vector<uint32_t> VersionModel::Commit(const std::vector<ModelWrite>& writes, uint64_t time_ms,
                                           const std::function<CollectionId(const std::string&)>& id_of) {
  ++sequence_;
  // A clock that goes back counts as one that stands still.
  if (!commits_.empty()) time_ms = std::max(time_ms, commits_.back().time_ms);
  commits_.push_back({sequence_, time_ms});
  std::vector<uint32_t> counts;
  for (const ModelWrite& write : writes) {
    const bool creates = write.kind == ModelWrite::Kind::kCreate;
    counts.push_back(Apply(write, creates ? id_of(write.name) : 0));
    if (!write.token.has_value()) continue;
    tokens_.emplace_back(*write.token, counts.back());
    if (tokens_.size() > kTokensMax) tokens_.pop_front();
  }
  return counts;
}

std::vector<ModelWrite> VersionModel::Restoring(uint64_t sequence) const {
  std::vector<ModelWrite> writes;
  for (const auto& [id, collection] : collections_) {
    if (collection.dropped == kNever && !collection.ExistsAt(sequence)) {
      writes.push_back({.kind = ModelWrite::Kind::kDrop, .collection = id});
    }
  }
  for (const auto& [id, collection] : collections_) {
    if (!collection.ExistsAt(sequence)) continue;
    if (collection.dropped != kNever) {
      ModelWrite create{
          .kind = ModelWrite::Kind::kCreate, .name = collection.name, .options = collection.options};
      for (const Version* version : collection.RowsAt(sequence)) create.rows.push_back(version->row);
      writes.push_back(std::move(create));
      continue;
    }
    ModelWrite deletes{.kind = ModelWrite::Kind::kDelete, .collection = id};
    ModelWrite upserts{.kind = ModelWrite::Kind::kUpsert, .collection = id};
    for (const auto& [order, version] : collection.versions) {
      const bool then = version.born <= sequence && sequence < version.died;
      const bool now = version.died == kNever;
      if (now && !then) deletes.ids.push_back(version.row.id);
      if (then && !now) upserts.rows.push_back(version.row);
    }
    if (!deletes.ids.empty()) writes.push_back(std::move(deletes));
    if (!upserts.rows.empty()) writes.push_back(std::move(upserts));
  }
  return writes;
}

void VersionModel::ForgetBefore(uint64_t time_ms) {
  for (const CommitTime& commit : commits_) {
    if (commit.time_ms <= time_ms) oldest_ = std::max(oldest_, commit.sequence);
  }
}

std::optional<uint64_t> VersionModel::SequenceAt(uint64_t time_ms) const {
  std::optional<uint64_t> found;
  if (oldest_ == 0) found = 0;
  for (const CommitTime& commit : commits_) {
    if (commit.sequence >= oldest_ && commit.time_ms <= time_ms) found = commit.sequence;
  }
  return found;
}

std::optional<uint32_t> VersionModel::FindToken(const Token& token) const {
  for (auto entry = tokens_.rbegin(); entry != tokens_.rend(); ++entry) {
    if (entry->first == token) return entry->second;
  }
  return std::nullopt;
}

void VersionModel::Prune(uint64_t needed) {
  const uint64_t oldest = std::min({needed, oldest_, stored_oldest_});
  std::erase_if(collections_, [&](const auto& entry) { return entry.second.dropped <= oldest; });
  for (auto& [id, collection] : collections_) {
    std::erase_if(collection.versions, [&](const auto& entry) { return entry.second.died <= oldest; });
  }
  std::erase_if(commits_, [&](const CommitTime& commit) { return commit.sequence < oldest; });
}

void VersionModel::TakePlaceOf(uint64_t sequence) {
  sequence_ = std::max(sequence_, sequence) + 1;
  oldest_ = sequence_;
  stored_oldest_ = sequence_;
  // Of whatever time before the next commit is asked, this is the state.
  commits_.clear();
  commits_.push_back({sequence_, 0});
  tokens_.clear();
  Prune(sequence_);
}

}  // namespace omendb::test
