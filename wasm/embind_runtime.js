// The JavaScript side of Embind, as far as engine_binding.cc needs it: one class, its methods and class functions, which
// take and return numbers, booleans, 64 bits and pointers to the class. It takes the place of Emscripten's own, which
// also knows strings, values, smart pointers, inheritance and overloads: 6.4 KB more of what a page downloads.
//
// emscripten/bind.h calls the functions while the module starts; types are addresses. Arguments need no types here:
// wasm makes of numbers, booleans and bigints what its functions take.

// Emscripten knows parameters that these functions have no use for.
for (const name of Object.keys(LibraryManager.library)) {
  if (/^_embind_register_.*__sig$/.test(name)) delete LibraryManager.library[name]
}

addToLibrary({
  /** By type: what makes a JavaScript value of one that wasm returned. */
  $returned: {},
  $boundClass: null,
  /** Of an object of the class that was not deleted; any other value is what it is. */
  $pointerOf__deps: ['$boundClass'],
  $pointerOf: (value) => {
    if (!(value instanceof boundClass)) return value
    if (!value.pointer) throw new Error('the engine was deleted')
    return value.pointer
  },
  $nameAt: (pointer) => {
    let name = ''
    while (HEAPU8[pointer]) name += String.fromCharCode(HEAPU8[pointer++])
    return name
  },
  $boundCall__deps: ['$returned', '$wasmTable'],
  $boundCall: (types, invoker, context) => {
    // The first type is what is returned.
    const convert = returned[HEAPU32[types >>> 2]]
    if (!convert) abort('a method returns a type that is not bound')
    const call = wasmTable.get(invoker)
    return (...values) => convert(call(context, ...values))
  },

  _embind_register_void__deps: ['$returned'],
  _embind_register_void: (type) => {
    returned[type] = () => undefined
  },
  _embind_register_bool__deps: ['$returned'],
  _embind_register_bool: (type) => {
    returned[type] = Boolean
  },
  // Unsigned, as is the next: engine_binding.cc registers no other.
  _embind_register_integer__deps: ['$returned'],
  _embind_register_integer: (type) => {
    returned[type] = (value) => value >>> 0
  },
  _embind_register_bigint__deps: ['$returned'],
  _embind_register_bigint: (type) => {
    returned[type] = (value) => BigInt.asUintN(64, value)
  },

  _embind_register_class__deps: ['$returned', '$boundClass', '$pointerOf', '$nameAt', '$wasmTable'],
  _embind_register_class: (
    type,
    pointerType,
    _const,
    _base,
    _s1,
    _actual,
    _s2,
    _up,
    _s3,
    _down,
    name,
    _s4,
    destroy,
  ) => {
    boundClass = Module[nameAt(name)] = class {
      constructor(pointer) {
        this.pointer = pointer
      }
      delete() {
        const pointer = pointerOf(this)
        this.pointer = 0
        wasmTable.get(destroy)(pointer)
      }
    }
    returned[pointerType] = (pointer) => (pointer ? new boundClass(pointer >>> 0) : null)
  },
  _embind_register_class_function__deps: ['$boundClass', '$boundCall', '$pointerOf', '$nameAt'],
  _embind_register_class_function: (_type, name, _count, types, _signature, invoker, context) => {
    const call = boundCall(types, invoker, context)
    boundClass.prototype[nameAt(name)] = function (...values) {
      return call(pointerOf(this), ...values.map(pointerOf))
    }
  },
  _embind_register_class_class_function__deps: ['$boundClass', '$boundCall', '$nameAt'],
  _embind_register_class_class_function: (_type, name, _count, types, _signature, invoker, context) => {
    boundClass[nameAt(name)] = boundCall(types, invoker, context)
  },
})
