import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BUILT = fileURLToPath(new URL('../../build/wasm/idbfs.mjs', import.meta.url))

/** Puts the IDBFS module that `npm run build:wasm` made beside a test page. */
export async function copyIdbfsModule(outFolder: string): Promise<void> {
  await copyFile(process.env['OMENDB_IDBFS_MODULE'] ?? BUILT, join(outFolder, 'idbfs.mjs'))
}
