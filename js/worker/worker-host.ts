/** The worker's side: opens the host when told to, passes requests on, posts answers. */
import type {
  HostPort,
  RequestInput,
  RequestKind,
  RequestOptions,
  RequestOutput,
} from '../engine/protocol.js'
import { asOmenError, toErrorRecord } from '../engine/protocol.js'
import { type FromWorker, STOPPABLE, type ToWorker, type WorkerOpenRequest } from './messages.js'

/** The channel to whoever started the worker. */
export interface WorkerEndpoint {
  post(message: FromWorker, transfer: readonly ArrayBuffer[]): void
  listen(onMessage: (message: ToWorker) => void): void
}

/** Makes the host for a request: the platform knows where wasm and storage are. */
export type OpenHost = (request: WorkerOpenRequest) => Promise<HostPort>

/** Serves one database over `endpoint`. */
export function serve(endpoint: WorkerEndpoint, openHost: OpenHost): void {
  let host: HostPort | null = null
  const stopping = new Map<number, AbortController>()

  const open = async (request: WorkerOpenRequest): Promise<void> => {
    try {
      host = await openHost(request)
      endpoint.post({ type: 'opened', partBytesMax: host.partBytesMax }, [])
    } catch (error) {
      endpoint.post({ type: 'refused', error: toErrorRecord(error) }, [])
    }
  }

  const answer = async <K extends RequestKind>(
    id: number,
    kind: K,
    input: RequestInput<K>,
    token: RequestOptions['token'],
  ): Promise<void> => {
    try {
      if (host === null) throw new Error(`${kind} came before the database was open`)
      const output = await host.request(kind, input, optionsOf(id, kind, token))
      endpoint.post({ type: 'output', id, output }, buffersOf(output))
    } catch (error) {
      endpoint.post({ type: 'error', id, error: toErrorRecord(asOmenError(error)) }, [])
    } finally {
      stopping.delete(id)
    }
  }

  // A signal of its own costs more than a search; only what can be stopped half way gets one.
  const optionsOf = (id: number, kind: RequestKind, token: RequestOptions['token']) => {
    const onProgress = (done: number, total: number): void =>
      endpoint.post({ type: 'progress', id, done, total }, [])
    if (kind === 'idle') return { onProgress }
    if (!STOPPABLE.has(kind)) return token === undefined ? undefined : { token }
    const controller = new AbortController()
    stopping.set(id, controller)
    return { signal: controller.signal, onProgress, token }
  }

  endpoint.listen((message) => {
    switch (message.type) {
      case 'open':
        void open(message.request)
        return
      case 'request':
        void answer(message.id, message.kind, message.input as RequestInput<RequestKind>, message.token)
        return
      case 'cancel':
        stopping.get(message.id)?.abort()
        return
    }
  })
  endpoint.post({ type: 'ready' }, [])
}

/** An answer's bytes are alone in their buffer, so handing them over copies nothing. */
function buffersOf(output: RequestOutput<RequestKind>): ArrayBuffer[] {
  return output instanceof Uint8Array ? [output.buffer] : []
}
