/** Emscripten's file system over IndexedDB (wasm/idbfs), as a script of its own. */
import createModule from '../../build/wasm/idbfs.mjs'
import type { CreateIdbfsModule } from '../../storage/idbfs-module.js'

export default createModule as CreateIdbfsModule
