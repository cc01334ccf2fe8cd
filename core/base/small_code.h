// OMENDB_SMALL_CODE before a function of a file with inner loops: it runs once for a training, an opening or
// a program, so it is compiled for size, which a page downloads. Files that hold nothing else are in
// wasm/CMakeLists.txt.
#ifndef OMENDB_BASE_SMALL_CODE_H_
#define OMENDB_BASE_SMALL_CODE_H_

#if defined(__clang__) && defined(__wasm__)
#define OMENDB_SMALL_CODE [[clang::minsize]]
#else
#define OMENDB_SMALL_CODE
#endif

#endif  // OMENDB_BASE_SMALL_CODE_H_
