/**
 * Reads the shipped images away from the page's thread: fetches, inflates, and hands over float vectors
 * part by part, each only after the page asked for it, so that memory holds a few parts and not all.
 */
export interface DecodeRequest {
  imagesUrl: string
  labelsUrl: string
  /** The first row wanted: rows before it are already stored. */
  first: number
  rowsPerPart: number
}

export interface ImagePart {
  first: number
  /** `labels.length * 784` floats, row-major, 0..255. */
  vectors: Float32Array<ArrayBuffer>
  labels: Uint8Array<ArrayBuffer>
}

export type DecodeReply = { part: ImagePart } | { end: true } | { failure: string }

const DIMENSIONS = 28 * 28

/** Parts the page asked for and has not been sent. */
let partsWanted = 0
let wanted: (() => void) | undefined

/** Resolves when the page has asked for one more part than it was sent. */
async function asked(): Promise<void> {
  while (partsWanted === 0) await new Promise<void>((resolve) => (wanted = resolve))
  partsWanted--
}

function reply(message: DecodeReply, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer })
}

async function fetched(url: string): Promise<Response> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}`)
  return response
}

/** The rows' bytes. Some servers inflate `.gz` on the way and some do not, so the bytes decide. */
async function openPixels(url: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const body = (await fetched(url)).body
  if (body === null) throw new Error('the images came without a body')
  const [peek, whole] = body.tee()
  const reader = peek.getReader()
  const { value } = await reader.read()
  void reader.cancel()
  const isGzip = value !== undefined && value[0] === 0x1f && value[1] === 0x8b
  return isGzip ? whole.pipeThrough(new DecompressionStream('gzip')) : whole
}

async function decode({ imagesUrl, labelsUrl, first, rowsPerPart }: DecodeRequest): Promise<void> {
  const labels = new Uint8Array(await (await fetched(labelsUrl)).arrayBuffer())
  const reader = (await openPixels(imagesUrl)).getReader()
  let skip = first * DIMENSIONS
  let row = first
  let vectors = new Float32Array(rowsPerPart * DIMENSIONS)
  let filled = 0
  const send = (rows: number): void => {
    const part: ImagePart = {
      first: row,
      vectors: vectors.slice(0, rows * DIMENSIONS),
      labels: labels.slice(row, row + rows),
    }
    reply({ part }, [part.vectors.buffer, part.labels.buffer])
    row += rows
  }
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    let bytes = value
    const skipped = Math.min(skip, bytes.length)
    skip -= skipped
    bytes = bytes.subarray(skipped)
    while (bytes.length > 0) {
      const take = bytes.subarray(0, vectors.length - filled)
      vectors.set(take, filled)
      filled += take.length
      bytes = bytes.subarray(take.length)
      if (filled < vectors.length) continue
      await asked()
      send(rowsPerPart)
      filled = 0
    }
  }
  if (filled % DIMENSIONS !== 0) throw new Error('the images end in the middle of a row')
  if (filled > 0) {
    await asked()
    send(filled / DIMENSIONS)
  }
  vectors = new Float32Array(0)
  if (row !== labels.length) throw new Error(`${row} images but ${labels.length} labels`)
  reply({ end: true })
}

self.addEventListener('message', (event: MessageEvent<DecodeRequest | 'next'>) => {
  if (event.data === 'next') {
    partsWanted++
    wanted?.()
    return
  }
  decode(event.data).catch((error: unknown) => reply({ failure: String(error) }))
})
