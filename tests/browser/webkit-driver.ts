/**
 * WebKitGTK, the engine of Safari in another coat: MiniBrowser on a virtual display, spoken to over WebDriver.
 *
 * Under automation its storage ends with the session, so nothing here outlives the browser. Commands go one at a time:
 * a session has one current window.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { BrowserPage, BrowserProcess, LaunchOptions } from './browser-harness.js'
import { killTree } from './process-tree.js'

const LIBRARIES = '/usr/lib'
const START_MS_MAX = 30_000
/** A page's own work may take long on a slow machine. */
const SCRIPT_MS_MAX = 120_000

export async function launchWebKit({ profile }: LaunchOptions): Promise<BrowserProcess> {
  const display = await startDisplay()
  const port = await freePort()
  const driver = spawn('WebKitWebDriver', ['--host=127.0.0.1', `--port=${port}`], {
    stdio: 'ignore',
    env: {
      ...process.env,
      DISPLAY: display.name,
      // Nothing of the user's, and nothing kept in it.
      XDG_DATA_HOME: profile,
      XDG_CACHE_HOME: profile,
      XDG_CONFIG_HOME: profile,
      WEBKIT_DISABLE_COMPOSITING_MODE: '1',
      NO_AT_BRIDGE: '1',
    },
  })
  const session = await WebDriverSession.create(`http://127.0.0.1:${port}`, {
    'webkitgtk:browserOptions': { binary: miniBrowser(), args: ['--automation'] },
    timeouts: { script: SCRIPT_MS_MAX },
  })
  const end = async (): Promise<void> => {
    await killTree(processId(driver))
    await killTree(processId(display.process))
  }
  return {
    name: 'webkit',
    processId: processId(driver),
    openPage: (url) => openPage(session, url),
    kill: end,
    async close() {
      await session.end()
      await end()
    },
  }
}

async function openPage(session: WebDriverSession, url: string): Promise<BrowserPage> {
  const window = await session.newWindow()
  const goto = (next: string): Promise<void> => session.inWindow(window, 'POST', '/url', { url: next })
  await goto(url)
  // There is no log to be read over WebDriver, so the page keeps its own.
  await session.evaluate(
    window,
    `(globalThis.uncaught = [], addEventListener('error', (event) => uncaught.push(event.message)),
      addEventListener('unhandledrejection', (event) => uncaught.push(String(event.reason))), null)`,
  )
  return {
    errors: [],
    goto,
    evaluate: async <T>(expression: string) => {
      const value = await session.evaluate<T>(window, expression)
      const uncaught = await session.evaluate<string[]>(window, 'globalThis.uncaught ?? []')
      if (uncaught.length > 0) throw new Error(`the page failed: ${uncaught.join('; ')}`)
      return value
    },
    reload: () => session.inWindow(window, 'POST', '/refresh', {}),
    close: () => session.inWindow(window, 'DELETE', '/window'),
  }
}

class WebDriverSession {
  readonly #address: string
  #last: Promise<unknown> = Promise.resolve()
  /** The window that is there when the session begins. It stays: with its last window a browser ends. */
  #first = ''

  private constructor(address: string) {
    this.#address = address
  }

  static async create(driver: string, capabilities: object): Promise<WebDriverSession> {
    const began = Date.now()
    for (;;) {
      try {
        const { sessionId } = await command<{ sessionId: string }>('POST', `${driver}/session`, {
          capabilities: { alwaysMatch: capabilities },
        })
        const session = new WebDriverSession(`${driver}/session/${sessionId}`)
        session.#first = await session.#command<string>('GET', '/window')
        return session
      } catch (error) {
        // The driver does not say when it listens.
        if (!(error instanceof TypeError) || Date.now() - began > START_MS_MAX) throw error
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  async newWindow(): Promise<string> {
    return this.#inTurn(async () => {
      // The current one may have been closed.
      await this.#command('POST', '/window', { handle: this.#first })
      const { handle } = await this.#command<{ handle: string }>('POST', '/window/new', { type: 'tab' })
      return handle
    })
  }

  inWindow<T>(handle: string, method: string, path: string, body?: object): Promise<T> {
    return this.#inTurn(async () => {
      await this.#command('POST', '/window', { handle })
      return this.#command<T>(method, path, body)
    })
  }

  async evaluate<T>(handle: string, expression: string): Promise<T> {
    const script = `const done = arguments[arguments.length - 1];
      (async () => (${expression}))().then((value) => done({ value }), (error) => done({ error: String(error) }))`
    const answer = await this.inWindow<{ value: T; error?: string }>(handle, 'POST', '/execute/async', {
      script,
      args: [],
    })
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.value
  }

  async end(): Promise<void> {
    await this.#inTurn(() => this.#command('DELETE', ''))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  #command<T>(method: string, path: string, body?: object): Promise<T> {
    return command<T>(method, this.#address + path, body)
  }
}

async function command<T>(method: string, address: string, body?: object): Promise<T> {
  const response = await fetch(address, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const { value } = (await response.json()) as { value: T & { error?: string; message?: string } }
  if (!response.ok) throw new Error(`${method} ${address}: ${value.error}: ${value.message}`)
  return value
}

/** Debian keeps it out of PATH, in a folder named after the library's version. */
function miniBrowser(): string {
  for (const machine of readdirSync(LIBRARIES)) {
    if (!machine.endsWith('-linux-gnu')) continue
    const folder = readdirSync(join(LIBRARIES, machine)).find((name) => name.startsWith('webkit2gtk-4'))
    if (folder !== undefined) return join(LIBRARIES, machine, folder, 'MiniBrowser')
  }
  throw new Error('no MiniBrowser of WebKitGTK was found')
}

async function startDisplay(): Promise<{ process: ChildProcess; name: string }> {
  // It chooses a free number, and says which.
  const xvfb = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '800x600x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const number = await new Promise<string>((resolve, reject) => {
    xvfb.once('error', reject)
    xvfb.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)))
    ;(xvfb.stdio[3] as Readable).once('data', (data: Buffer) => resolve(data.toString().trim()))
  })
  return { process: xvfb, name: `:${number}` }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function processId(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('the browser did not start')
  return child.pid
}
