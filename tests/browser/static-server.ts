import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { extname, join, normalize, sep } from 'node:path'

const MEDIA_TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
}

export interface StaticServer {
  /** `http://localhost:PORT`: a secure context, so Web Locks and OPFS are there. */
  readonly origin: string
  close(): Promise<void>
}

export interface ServeOptions {
  /** Added to every answer: a content security policy, COOP/COEP, ... */
  headers?: Readonly<Record<string, string>>
  /** Hears of every POST, whatever its path; the page gets its answer afterwards. */
  onPost?: (body: string) => void
  /** Hears of every file that is served, by its path below the folder. */
  onServe?: (path: string) => void
}

/**
 * Serves the files of `folder` on a free port. It stays the same origin for as long as it runs, so a browser
 * that is killed and started again finds what it stored.
 */
export async function serveFolder(folder: string, options: ServeOptions = {}): Promise<StaticServer> {
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      void text(request).then((body) => {
        options.onPost?.(body)
        response.writeHead(204).end()
      })
      return
    }
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname)
    const file = normalize(join(folder, path.endsWith('/') ? `${path}index.html` : path))
    const inside = file.startsWith(normalize(folder) + sep)
    stat(file).then(
      (found) => {
        if (!inside || !found.isFile()) {
          response.writeHead(404).end()
          return
        }
        options.onServe?.(path.slice(1))
        response.writeHead(200, {
          'content-type': MEDIA_TYPES[extname(file)] ?? 'application/octet-stream',
          'content-length': found.size,
          'cache-control': 'no-store',
          ...options.headers,
        })
        createReadStream(file).pipe(response)
      },
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, 'localhost', resolve)
  })
  const { port } = server.address() as AddressInfo
  return { origin: `http://localhost:${port}`, close: () => closeServer(server) }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => {
      if (error) reject(error)
      else resolve()
    })
    // Connections of a killed browser would keep `close` waiting.
    server.closeAllConnections()
  })
}
