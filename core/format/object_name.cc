#include "format/object_name.h"

namespace omendb {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

void WriteHex(uint64_t value, size_t digits, char* out) {
  for (size_t i = digits; i-- > 0; value >>= 4) out[i] = kDigits[value & 15];
}

bool ReadHex(std::string_view text, uint64_t* value) {
  *value = 0;
  for (char digit : text) {
    size_t place = kDigits.find(digit);
    if (place == std::string_view::npos) return false;
    *value = *value << 4 | place;
  }
  return true;
}

}  // namespace

ObjectName::ObjectName(char prefix, uint32_t epoch, uint64_t number) : epoch_(epoch), number_(number) {
  text_[0] = prefix;
  WriteHex(epoch, 8, text_.data() + 1);
  text_[9] = '-';
  WriteHex(number, 16, text_.data() + 10);
}

bool ObjectName::Parse(std::string_view text, ObjectName* name) {
  if (text.size() != kBytes || (text[0] != 'w' && text[0] != 'd') || text[9] != '-') return false;
  uint64_t epoch = 0;
  uint64_t number = 0;
  if (!ReadHex(text.substr(1, 8), &epoch) || !ReadHex(text.substr(10), &number)) return false;
  *name = ObjectName(text[0], static_cast<uint32_t>(epoch), number);
  return true;
}

}  // namespace omendb
