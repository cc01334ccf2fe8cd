/** Loads Emscripten's file system, 57 KB of script that only databases with `storage: 'idbfs'` need. */
import type { StorageAdapter } from '../../storage/contract.js'
import { idbfsStorage } from '../../storage/idbfs.js'
import type { CreateIdbfsModule } from '../../storage/idbfs-module.js'
import { errorFromCode } from '../errors/omen-error.js'

let loading: Promise<CreateIdbfsModule> | null = null

export async function loadIdbfsStorage(): Promise<StorageAdapter> {
  loading ??= load()
  return idbfsStorage({ createModule: await loading })
}

async function load(): Promise<CreateIdbfsModule> {
  // A file beside this one for every bundler: an import it could follow would become part of the page's own script.
  const script = new URL('./idbfs.js', import.meta.url)
  try {
    const module = (await import(/* webpackIgnore: true */ /* @vite-ignore */ script.href)) as {
      default: CreateIdbfsModule
    }
    return module.default
  } catch (cause) {
    loading = null
    throw errorFromCode('STORAGE_FAILED', `could not load the IDBFS module from ${script.href}`, cause)
  }
}
