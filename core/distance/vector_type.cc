#include "distance/vector_type.h"

#include "distance/kernels.h"

namespace omendb {

WidenFunction WidenFunctionOf(VectorType type) {
  switch (type) {
    case VectorType::kFloat32:
      return nullptr;
    case VectorType::kFloat16:
      return Kernels().widen_f16;
    case VectorType::kInt8:
      return Kernels().widen_i8;
    case VectorType::kBinary:
      break;
  }
  return Kernels().widen_bits;
}

}  // namespace omendb
