import type { AdapterName } from './page-adapters.js'

type Calls = Record<string, (...given: never[]) => unknown>

interface Call {
  readonly id: number
  readonly name: string
  readonly given: readonly unknown[]
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly failure?: string
}

const ADAPTERS_IN_WORKER: ReadonlySet<unknown> = new Set<AdapterName>(['opfs', 'opfs-shared'])

/**
 * Puts `calls` on `globalThis`, for tests to evaluate. A call whose first argument names an adapter that needs a
 * worker, and all calls after it that name none, run in one: the same script, started again.
 */
export function exposeCalls(name: string, calls: Calls): void {
  if (typeof document === 'undefined') {
    answerCalls(calls)
    return
  }
  let inWorker = false
  let worker: Worker | undefined
  let lastId = 0
  const waiting = new Map<number, (answer: Answer) => void>()
  const callWorker = (call: string, given: readonly unknown[]): Promise<unknown> => {
    worker ??= startWorker(waiting)
    const id = ++lastId
    worker.postMessage({ id, name: call, given } satisfies Call)
    return new Promise((resolve, reject) => {
      waiting.set(id, ({ value, failure }) => {
        if (failure === undefined) resolve(value)
        else reject(new Error(failure))
      })
    })
  }
  const exposed = Object.entries(calls).map(([call, run]) => [
    call,
    (...given: never[]) => {
      const [adapter] = given as unknown[]
      if (typeof adapter === 'string') inWorker = ADAPTERS_IN_WORKER.has(adapter)
      return inWorker ? callWorker(call, given) : run(...given)
    },
  ])
  Object.assign(globalThis, { [name]: Object.fromEntries(exposed) as unknown })
}

function startWorker(waiting: Map<number, (answer: Answer) => void>): Worker {
  const worker = new Worker(new URL('./page.js', location.href), { type: 'module' })
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    waiting.get(data.id)?.(data)
    waiting.delete(data.id)
  }
  worker.onerror = (event) => console.error(event.message)
  return worker
}

function answerCalls(calls: Calls): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Call>) => void
    postMessage(answer: Answer): void
  }
  scope.onmessage = ({ data: { id, name, given } }) => {
    Promise.resolve()
      .then(() => calls[name]!(...(given as never[])))
      .then(
        (value) => scope.postMessage({ id, value }),
        (error: unknown) => scope.postMessage({ id, failure: String(error) }),
      )
  }
}
