// ObjectName: the names under which objects are stored (docs/file-format.md, "Names").
#ifndef OMENDB_FORMAT_OBJECT_NAME_H_
#define OMENDB_FORMAT_OBJECT_NAME_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace omendb {

// A name in place: nothing to allocate.
class ObjectName {
 public:
  static constexpr size_t kBytes = 26;  // prefix, 8 digits, '-', 16 digits

  ObjectName() = default;
  // WAL frame: `number` is its sequence.
  static ObjectName Frame(uint32_t epoch, uint64_t number) { return {'w', epoch, number}; }
  static ObjectName Data(uint32_t epoch, uint64_t number) { return {'d', epoch, number}; }
  // False unless `text` is exactly what one of the above gives.
  [[nodiscard]] static bool Parse(std::string_view text, ObjectName* name);

  [[nodiscard]] std::string_view text() const { return {text_.data(), text_.size()}; }
  [[nodiscard]] bool is_frame() const { return text_[0] == 'w'; }
  [[nodiscard]] uint32_t epoch() const { return epoch_; }
  [[nodiscard]] uint64_t number() const { return number_; }

 private:
  ObjectName(char prefix, uint32_t epoch, uint64_t number);

  std::array<char, kBytes> text_{};
  uint32_t epoch_ = 0;
  uint64_t number_ = 0;
};

}  // namespace omendb

#endif  // OMENDB_FORMAT_OBJECT_NAME_H_
