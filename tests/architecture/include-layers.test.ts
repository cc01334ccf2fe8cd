import { describe, expect, it } from 'vitest'
import { coreLayers, violationsOf } from './include-layers.js'
import { projectFiles, readProjectFile } from './project-files.js'

const sources = projectFiles('core', 'wasm', 'tests/core').filter((path) => /\.(cc|h)$/.test(path))

describe('C++ includes', () => {
  it('finds files in every layer and in wasm/, so that the rules have something to hold', () => {
    for (const folder of [...coreLayers.map((layer) => `core/${layer}/`), 'wasm/', 'tests/core/']) {
      expect(sources.filter((path) => path.startsWith(folder)).length, folder).toBeGreaterThan(0)
    }
  })

  it('point down only, and the core keeps out what it does without', () => {
    expect(sources.flatMap((path) => violationsOf(path, readProjectFile(path)))).toEqual([])
  })
})

describe('the include rules', () => {
  it.each([
    ['core/base/array.h', '#include "distance/metric.h"', 'distance stands above base'],
    ['core/include/omendb/types.h', '#include "base/array.h"', 'base stands above include/omendb'],
    ['core/index/flat.cc', '#include "engine/collection.h"', 'engine stands above index'],
    ['core/index/flat.cc', '#include "../base/array.h"', 'relative to core/'],
    ['core/index/flat.cc', '#include "flat.h"', 'relative to core/'],
    ['core/index/flat.cc', '#include <vector>', 'not in the core'],
    ['core/engine/engine.cc', '#include <iostream>', 'not in the core'],
    ['core/engine/engine.cc', '#include <emscripten/bind.h>', 'no Emscripten'],
    ['core/engine/engine.cc', '  throw Failure();', 'exceptions are off'],
    ['core/engine/engine.cc', '  try {', 'exceptions are off'],
    ['core/engine/engine.cc', '  auto* row = new Row();', 'memory comes from'],
    ['core/engine/engine.cc', '  auto* d = dynamic_cast<D*>(b);', 'RTTI is off'],
    ['core/learned/alex.h', '', 'in none of the layers'],
    ['wasm/bindings.cc', '#include "base/array.h"', 'base stands above include/omendb'],
    ['tests/core/base/array_test.cc', '#include "index/flat.h"', 'index stands above base'],
    ['tests/core/fuzz/frame_fuzz.cc', '#include "engine/loader.h"', 'engine stands above format'],
  ])('refuse %s with %s', (path, text, reason) => {
    expect(violationsOf(path, `// first line\n${text}\n`).join('\n')).toContain(reason)
  })

  it.each([
    ['core/index/flat.cc', '#include "index/flat.h"\n#include "base/array.h"\n#include <cstdint>'],
    ['core/base/array.h', '// throw and new are words of this comment\n#include "omendb/status.h"'],
    ['core/base/array.h', 'new (data_ + size_) T(value);'],
    ['wasm/bindings.cc', '#include "omendb/engine.h"\n#include <emscripten/bind.h>'],
    ['tests/core/golden/write_golden.cc', '#include "engine/golden_database.h"\n#include <cstdio>'],
    ['tests/core/index/flat_test.cc', '#include "index/flat.h"\n#include <vector>\n#include <gtest/gtest.h>'],
  ])('allow %s with %j', (path, text) => {
    expect(violationsOf(path, text)).toEqual([])
  })
})
