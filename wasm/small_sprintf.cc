// Takes the place of libc's sprintf, which brings all of printf: 2.5 KB of what a page downloads. Embind
// alone calls it (by the name the compiler gives it when no floats are printed), to name in an error a type
// that it does not know.
extern "C" int siprintf(char* out, const char* /*format*/, ...);

extern "C" int siprintf(char* out, const char* /*format*/, ...) {
  constexpr char kName[] = "a type that was not bound";
  for (unsigned i = 0; i < sizeof(kName); ++i) out[i] = kName[i];
  return sizeof(kName) - 1;
}
