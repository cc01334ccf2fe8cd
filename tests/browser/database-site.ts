import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BrowserPage, bundlePage, serveFolder, type StaticServer } from './browser-harness.js'

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))

export interface DatabaseSite {
  readonly server: StaticServer
  /** What pages said by POST since it was last emptied. */
  readonly said: unknown[]
  remove(): Promise<void>
}

/** Serves a page, bundled from `entry`, beside a copy of dist/, under the policy that the documentation says is enough. */
export async function serveDatabasePage(entry = 'database-page.ts'): Promise<DatabaseSite> {
  const folder = await mkdtemp(join(tmpdir(), 'omendb-database-page-'))
  await bundlePage({ entry: fileURLToPath(new URL(entry, import.meta.url)), outFolder: folder })
  await cp(DIST, join(folder, 'dist'), { recursive: true })
  const said: unknown[] = []
  const server = await serveFolder(folder, {
    headers: { 'content-security-policy': "script-src 'self' 'wasm-unsafe-eval'" },
    onPost: (body) => said.push(JSON.parse(body)),
  })
  return {
    server,
    said,
    async remove() {
      await server.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** Calls a function of the page with arguments that travel as JSON. */
export function call<T>(page: BrowserPage, name: string, ...given: unknown[]): Promise<T> {
  return page.evaluate<T>(`databasePage.${name}(${given.map((one) => JSON.stringify(one)).join(', ')})`)
}
