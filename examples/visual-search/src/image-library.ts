/**
 * The page's database: 10,000 images as 784-dimensional vectors under Euclidean distance.
 *
 * Not a cache beside the database: what the page draws is read back from it, so what is on the screen
 * after a reload is what was stored.
 */
import {
  open,
  type Collection,
  type CollectionStats,
  type Database,
  type DatabaseStats,
  type OpenOptions,
} from 'omendb'
import { CLASS_NAMES } from './classes.js'
import { imageParts } from './image-parts.js'

export const IMAGE_COUNT = 10_000
const DIMENSIONS = 28 * 28
const DATABASE_NAME = 'visual-search'
const COLLECTION_NAME = 'images'

interface ImageMetadata {
  label: string
}

export interface StoredImage {
  id: number
  label: string
  pixels: Float32Array
}

export interface Neighbour extends StoredImage {
  distance: number
}

export interface Answer {
  neighbours: Neighbour[]
  milliseconds: number
}

export interface LibraryStats {
  database: DatabaseStats
  images: CollectionStats
}

export interface LibraryOptions {
  storage?: NonNullable<OpenOptions['storage']>
  worker?: boolean
  readOnly?: boolean
}

export class ImageLibrary {
  readonly #database: Database
  readonly #images: Collection<ImageMetadata>
  /** Rows found stored, and rows the graph covered, when the database was opened. */
  readonly rowsAtOpen: number
  readonly indexedAtOpen: number
  /** Rows this page stored itself. */
  rowsStored = 0

  private constructor(database: Database, images: Collection<ImageMetadata>, stats: CollectionStats) {
    this.#database = database
    this.#images = images
    this.rowsAtOpen = stats.rows
    this.indexedAtOpen = stats.indexedRows
  }

  static async open(options: LibraryOptions): Promise<ImageLibrary> {
    // One tab indexes; a second one is offered to look on.
    const database = await open(DATABASE_NAME, { ...options, sharing: false })
    try {
      const images = await openImages(database)
      return new ImageLibrary(database, images, await images.stats())
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /** Stores what is not stored yet. A page that was closed half way goes on where it stopped. */
  async storeMissing(onProgress: (stats: CollectionStats) => void): Promise<void> {
    const { rows } = await this.#images.stats()
    if (rows >= IMAGE_COUNT) return
    for await (const { first, vectors, labels } of imageParts(rows)) {
      await this.#images.upsert({
        ids: Array.from(labels, (_, row) => first + row),
        vectors,
        metadata: Array.from(labels, (label) => ({ label: CLASS_NAMES[label] ?? 'Unknown' })),
      })
      this.rowsStored += labels.length
      onProgress(await this.#images.stats())
    }
  }

  /** Resolves when the graph covers every row; the engine builds it between requests. */
  async indexed(onProgress: (stats: CollectionStats) => void): Promise<void> {
    for (;;) {
      const stats = await this.#images.stats()
      onProgress(stats)
      if (stats.indexedRows >= stats.rows) return
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
  }

  /** Makes the graph durable too, so that the next visit does not build it again. */
  async save(): Promise<void> {
    await this.#database.flush()
  }

  async get(ids: readonly number[]): Promise<StoredImage[]> {
    const rows = await this.#images.get(ids, { include: ['metadata', 'vector'] })
    return rows.flatMap((row) =>
      row?.vector
        ? [{ id: Number(row.id), label: row.metadata?.label ?? 'Unknown', pixels: row.vector }]
        : [],
    )
  }

  /** The `count` images nearest to `image`, without itself. */
  async nearest(image: StoredImage, count: number, exact: boolean): Promise<Answer> {
    const start = performance.now()
    const hits = await this.#images.search({
      vector: image.pixels,
      k: count + 1,
      exact,
      include: ['metadata', 'vector'],
    })
    const milliseconds = performance.now() - start
    const neighbours = hits
      .filter((hit) => hit.id !== image.id)
      .slice(0, count)
      .map(({ id, distance, metadata, vector }) => ({
        id: Number(id),
        distance,
        label: metadata?.label ?? 'Unknown',
        pixels: vector ?? new Float32Array(DIMENSIONS),
      }))
    return { neighbours, milliseconds }
  }

  /** Ids only: what measuring asks for, so that times are those of the search. */
  async nearestIds(pixels: Float32Array, k: number, exact: boolean): Promise<number[]> {
    const hits = await this.#images.search({ vector: pixels, k, exact, include: [] })
    return hits.map((hit) => Number(hit.id))
  }

  async stats(): Promise<LibraryStats> {
    const [database, images] = await Promise.all([this.#database.stats(), this.#images.stats()])
    return { database, images }
  }

  /** Forgets every image; open the library again to fill it anew. */
  async clear(): Promise<void> {
    await this.#database.drop(COLLECTION_NAME)
    await this.#database.close()
  }

  async close(): Promise<void> {
    await this.#database.close()
  }
}

function openImages(database: Database): Promise<Collection<ImageMetadata>> {
  return database.collection<ImageMetadata>(COLLECTION_NAME, { dimensions: DIMENSIONS, metric: 'l2' })
}
