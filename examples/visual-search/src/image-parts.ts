import type { DecodeReply, DecodeRequest, ImagePart } from './decode-worker.js'

/** Rows per commit: small enough that handing one over costs the page's thread a millisecond or two. */
const ROWS_PER_PART = 500

/** The shipped images from row `first` on, in parts, decoded in a worker of their own. */
export async function* imageParts(first: number): AsyncGenerator<ImagePart, void, undefined> {
  const worker = new Worker(new URL('./decode-worker.ts', import.meta.url), { type: 'module' })
  const replies: DecodeReply[] = []
  let wake: (() => void) | undefined
  const add = (reply: DecodeReply): void => {
    replies.push(reply)
    wake?.()
  }
  worker.addEventListener('message', (event: MessageEvent<DecodeReply>) => add(event.data))
  worker.addEventListener('error', (event) => add({ failure: event.message || 'the decoder did not start' }))
  const request: DecodeRequest = {
    imagesUrl: new URL('data/images.u8.gz', document.baseURI).href,
    labelsUrl: new URL('data/labels.u8', document.baseURI).href,
    first,
    rowsPerPart: ROWS_PER_PART,
  }
  worker.postMessage(request)
  const ask = (): void => worker.postMessage('next')
  ask() // one part is decoded while the one before it is being stored
  try {
    for (;;) {
      const reply = replies.shift()
      if (reply === undefined) {
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      if ('failure' in reply) throw new Error(`The images could not be read: ${reply.failure}`)
      if ('end' in reply) return
      ask()
      yield reply.part
    }
  } finally {
    worker.terminate()
  }
}
