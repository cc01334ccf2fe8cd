// Debian's faiss (package libfaiss-dev, built by Debian for any x86-64) as an engine of the benchmark:
// IndexHNSWFlat, one thread. Driven line by line, see peer_protocol.h.
#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>

#include "peer_protocol.h"

namespace {

class FaissIndex {
 public:
  explicit FaissIndex(const bench::Setup& setup) : setup_(setup) {}

  void Build() {
    const faiss::MetricType metric = setup_.metric == "l2" ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT;
    index_ = std::make_unique<faiss::IndexHNSWFlat>(static_cast<int>(setup_.dimensions),
                                                    static_cast<int>(setup_.degree), metric);
    index_->hnsw.efConstruction = static_cast<int>(setup_.ef_construction);
    index_->add(static_cast<faiss::Index::idx_t>(setup_.rows()), setup_.base.data());
  }

  void SetEf(size_t ef) { index_->hnsw.efSearch = static_cast<int>(ef); }

  size_t Search(const float* query, size_t k, uint32_t* rows) {
    distances_.resize(k);
    labels_.resize(k);
    index_->search(1, query, static_cast<faiss::Index::idx_t>(k), distances_.data(), labels_.data());
    size_t count = 0;
    for (faiss::Index::idx_t label : labels_) {
      if (label >= 0) rows[count++] = static_cast<uint32_t>(label);
    }
    return count;
  }

  uint64_t Save(const std::string& path) {
    faiss::write_index(index_.get(), path.c_str());
    return std::filesystem::file_size(path);
  }

  void Load(const std::string& path) {
    index_.reset(dynamic_cast<faiss::IndexHNSWFlat*>(faiss::read_index(path.c_str())));
    index_->hnsw.efSearch = 100;
  }

 private:
  const bench::Setup& setup_;
  std::unique_ptr<faiss::IndexHNSWFlat> index_;
  std::vector<float> distances_;
  std::vector<faiss::Index::idx_t> labels_;
};

}  // namespace

int main(int argc, char** argv) {
  omp_set_num_threads(1);
  bench::Setup setup = bench::ReadSetup(argc, argv);
  if (setup.metric == "cosine") {
    bench::ScaleToUnitLength(setup.base, setup.dimensions);
    bench::ScaleToUnitLength(setup.queries, setup.dimensions);
  }
  return bench::Peer<FaissIndex>(std::move(setup)).Serve();
}
