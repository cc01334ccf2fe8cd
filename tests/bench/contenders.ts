/** Every engine at every place, and which of them a run is to have. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Session } from './drive.js'
import { ENGINES } from './engines/all.js'
import type { Engine, PlaceName, Shape } from './engines/contract.js'
import { type BrowserSession, type BrowserSite, createSite } from './places/browser-place.js'
import { NATIVE_ENGINES, openNativeSession } from './places/native-place.js'
import { openNodeSession } from './places/node-place.js'
import type { Contender, SetFiles } from './places/place.js'
import { packageVersion } from './record.js'

const PLACES: readonly PlaceName[] = ['node', 'chromium', 'firefox']
const TITLES: Record<PlaceName, string> = { node: 'Node', chromium: 'Chromium', firefox: 'Firefox' }

/** `hnswlib@native`, `omendb@node`, `omendb@chromium`, `mememo@node`, ... */
function allIds(): string[] {
  const places = ENGINES.flatMap(({ id }) => PLACES.map((place) => `${id}@${place}`))
  return [...NATIVE_ENGINES.map(({ id }) => `${id}@native`), ...places]
}

export interface Contenders {
  readonly all: readonly Contender[]
  close(): Promise<void>
}

/** `wanted`: ids, or engines or places for all that these have; absent: all. */
export async function contendersOf(
  root: string,
  files: SetFiles,
  wanted: readonly string[] | null,
): Promise<Contenders> {
  const isWanted = (id: string) => {
    return wanted === null || [id, ...id.split('@')].some((each) => wanted.includes(each))
  }
  const unknown = (wanted ?? []).filter(
    (word) => !allIds().some((id) => [id, ...id.split('@')].includes(word)),
  )
  if (unknown.length > 0)
    throw new Error(`no engine or place: ${unknown.join()}; there are ${allIds().join()}`)

  let site: Promise<BrowserSite> | null = null
  const openSite = () => (site ??= createSite(root, files.folder))
  const native: Contender[] = NATIVE_ENGINES.map((engine) => ({
    id: `${engine.id}@native`,
    engine: engine.id,
    title: engine.title,
    place: 'native',
    version: engine.version(root),
    notes: engine.notes,
    cannot: null,
    tunable: true,
    open: () => Promise.resolve().then(() => openNativeSession(root, engine, files)),
  }))
  const placed = ENGINES.flatMap((engine) =>
    PLACES.map((place) => ({
      id: `${engine.id}@${place}`,
      engine: engine.id,
      title: engine.title,
      place: TITLES[place],
      version: packageVersion(root, engine.package),
      notes: notesOf(engine),
      cannot: refusal(engine, place, files),
      tunable: engine.tunable === true,
      open: async (): Promise<Session> =>
        place === 'node'
          ? openNodeSession(root, engine, files)
          : (await openSite()).open(place, engine, files),
    })),
  )
  return {
    // Where an engine was never meant to run is not worth a row; where it cannot is.
    all: [...native, ...placed].filter(
      ({ id, cannot }) => isWanted(id) && !cannot?.startsWith('measured in'),
    ),
    async close() {
      if (site !== null) await (await site).close()
    },
  }
}

function notesOf({ notes = [], tunable }: Engine): string[] {
  return tunable === true ? [...notes] : [...notes, tunable]
}

function refusal(engine: Engine, place: PlaceName, shape: Shape): string | null {
  const { places, metrics, rowsMaxFor } = engine
  const rowsMax = rowsMaxFor?.[shape.metric] ?? engine.rowsMax
  if (places[place] !== true) return places[place]
  if (metrics[shape.metric] !== true) return metrics[shape.metric] as string
  if (rowsMax === undefined || shape.rows <= rowsMax.rows) return null
  return `${rowsMax.why}: not tried with more than ${rowsMax.rows.toLocaleString('en')} rows`
}

/** What a page fetched, as it lies there and compressed; `null` for a session that is no page. */
export function downloadOf(session: Session, siteRoot: string): { bytes: number; gzipBytes: number } | null {
  if (!('served' in session)) return null
  const paths = [...(session as BrowserSession).served()].flatMap((path) => localPath(siteRoot, path) ?? [])
  const sum = (size: (path: string) => number) => paths.reduce((total, path) => total + size(path), 0)
  return {
    bytes: sum((path) => statSync(path).size),
    gzipBytes: sum((path) => gzipSync(readFileSync(path), { level: 9 }).length),
  }
}

function localPath(root: string, path: string): string | undefined {
  const [folder, ...rest] = path.split('/')
  const local: Record<string, string> = { dist: 'dist', peers: 'tests/bench/peers/node_modules' }
  const full = join(root, local[folder ?? ''] ?? '-', ...rest)
  return existsSync(full) ? full : undefined
}
