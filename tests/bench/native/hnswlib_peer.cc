// The native anchor of the benchmark: Debian's hnswlib, driven line by line (peer_protocol.h) so that the
// runner can alternate it with the other engines. hnswlib_bench.cc is the one that runs alone, beside
// hnsw_bench.
#include <hnswlib/hnswlib.h>

#include "peer_protocol.h"

namespace {

class HnswlibIndex {
 public:
  explicit HnswlibIndex(const bench::Setup& setup) : setup_(setup) {
    if (setup.metric == "l2") {
      space_ = std::make_unique<hnswlib::L2Space>(setup.dimensions);
    } else {
      space_ = std::make_unique<hnswlib::InnerProductSpace>(setup.dimensions);
    }
  }

  void Build() {
    graph_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), setup_.rows(), setup_.degree,
                                                               setup_.ef_construction, setup_.seed);
    for (size_t row = 0; row < setup_.rows(); ++row) graph_->addPoint(setup_.row(row), row);
  }

  void SetEf(size_t ef) { graph_->setEf(ef); }

  size_t Search(const float* query, size_t k, uint32_t* rows) {
    auto top = graph_->searchKnn(query, k);
    const size_t count = top.size();
    for (size_t i = count; i-- > 0; top.pop()) rows[i] = static_cast<uint32_t>(top.top().second);
    return count;
  }

  uint64_t Save(const std::string& path) {
    graph_->saveIndex(path);
    return std::filesystem::file_size(path);
  }

  void Load(const std::string& path) {
    graph_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), path);
    graph_->setEf(100);
  }

 private:
  const bench::Setup& setup_;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> graph_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::Setup setup = bench::ReadSetup(argc, argv);
  if (setup.metric == "cosine") {
    bench::ScaleToUnitLength(setup.base, setup.dimensions);
    bench::ScaleToUnitLength(setup.queries, setup.dimensions);
  }
  return bench::Peer<HnswlibIndex>(std::move(setup)).Serve();
}
