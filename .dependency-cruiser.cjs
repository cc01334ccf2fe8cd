// The layers of the TypeScript side, as docs/architecture.md draws them: a module may import to its left only.
//
//   js/errors <- storage <- js/wasm <- js/engine <- js/worker <- js/sharing <- js/platform
//                                                 <- js/api    <-
/** What each layer may import from js/ and storage/, apart from itself. */
const layers = {
  'js/errors': [],
  storage: ['js/errors'],
  'js/wasm': ['js/errors', 'storage'],
  'js/engine': ['js/errors', 'storage', 'js/wasm'],
  'js/worker': ['js/errors', 'storage', 'js/wasm', 'js/engine'],
  'js/sharing': ['js/errors', 'storage', 'js/wasm', 'js/engine', 'js/worker'],
  // Reaches the host through the protocol's types only, so that a page which uses a worker carries no engine.
  'js/api': ['js/errors', 'storage', 'js/wasm', 'js/engine'],
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: { pathNot: '^(tests|examples|tools)/' },
      // The engine's wasm is beside the entries in dist/ only, and build/ may be empty.
      to: { couldNotResolve: true, pathNot: '\\.wasm$|^\\.\\./\\.\\./build/' },
    },
    ...Object.entries(layers).map(([layer, allowed]) => ({
      name: `layer-${layer.replace('/', '-')}`,
      comment: `${layer} may import only ${[layer, ...allowed].join(', ')}`,
      severity: 'error',
      from: { path: `^${layer}/` },
      to: {
        path: '^(js|storage|wasm|tests|examples|tools)/',
        pathNot: [layer, ...allowed].map((each) => `^${each}/`),
      },
    })),
    {
      name: 'api-knows-types-only',
      comment:
        'js/api reaches the host through the protocol: of code it may import that, the row format and the turn-taking, nothing else',
      severity: 'error',
      from: { path: '^js/api/' },
      to: {
        path: '^(js/engine|js/wasm|storage)/',
        pathNot:
          '^js/(engine/(protocol|macrotask)|wasm/(row-batch|vector-types|json-value|byte-writer))\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'product-apart-from-tests',
      severity: 'error',
      from: { path: '^(js|storage)/' },
      to: { path: '^(tests|examples|tools)/' },
    },
    {
      name: 'node-in-its-own-modules',
      comment: 'A browser bundle must not reach for Node',
      severity: 'error',
      from: {
        path: '^(js|storage)/',
        pathNot: '(^js/platform/|/node[^/]*\\.ts$|/fs[^/]*\\.ts$|/node/|/fs/)',
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'examples-use-the-package',
      comment: 'An example imports omendb by its name, as an application does',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(js|storage|wasm|tests|tools)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
