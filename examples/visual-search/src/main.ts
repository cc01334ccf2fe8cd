/** The page: opens the library, fills it where needed, and answers choices. */
import { byId } from './dom.js'
import { Figures, type Figure } from './figures.js'
import { Gallery } from './gallery.js'
import { IMAGE_COUNT, ImageLibrary, type LibraryOptions, type StoredImage } from './image-library.js'
import { LongestTask, compare, measureRecall } from './measuring.js'
import { formatCount, formatDuration } from './number-format.js'
import { hideProblem, showProblem, type Remedy } from './problem.js'
import { Progress } from './progress.js'
import { Results } from './results.js'

type State = 'opening' | 'filling' | 'measuring' | 'ready' | 'problem'

const NEIGHBOURS = 10

const longestTask = new LongestTask()
const progress = new Progress()
const figures = new Figures()
const gallery = new Gallery({ load: loadImages, choose: (id) => void choose(id, true) })
const results = new Results({ choose: (id) => void choose(id, true), compare: () => void compareChosen() })
const recallButton = byId<HTMLButtonElement>('recall-button')
const againButton = byId<HTMLButtonElement>('again-button')

let library: ImageLibrary | undefined
let readOnly = false
let chosen: StoredImage | undefined
/** Answers that arrive after a later choice are dropped. */
let choices = 0
let comparing = false
/** When the figures were last brought up to date. */
let figuresShown = 0

function setState(state: State): void {
  document.body.dataset.state = state
  recallButton.disabled = state !== 'ready'
  againButton.disabled = state !== 'ready' || readOnly
}

/** `?storage=indexeddb|idbfs|memory` and `?worker=no` try other ways to run. */
function optionsFromAddress(): LibraryOptions {
  const query = new URLSearchParams(location.search)
  const storage = (['indexeddb', 'idbfs', 'memory'] as const).find((name) => name === query.get('storage'))
  return {
    ...(storage === undefined ? {} : { storage }),
    ...(query.get('worker') === 'no' ? { worker: false } : {}),
  }
}

async function start(options: LibraryOptions): Promise<void> {
  hideProblem()
  byId('main').hidden = false
  delete document.body.dataset.rowsStored
  setState('opening')
  readOnly = options.readOnly ?? false
  progress.say('Opening the database…')
  try {
    const began = performance.now()
    library = await ImageLibrary.open(options)
    document.body.dataset.rowsAtOpen = String(library.rowsAtOpen)
    document.body.dataset.indexedAtOpen = String(library.indexedAtOpen)
    gallery.setCount(library.rowsAtOpen)
    await chooseFirst()
    const opened = performance.now() - began
    const note = 'to the first answer, nothing indexed again'
    figures.setStart({ key: 'start', term: 'Reopening', value: formatDuration(opened), note })
    if (readOnly) progress.say(describeReadView(library.rowsAtOpen, opened))
    else await fill(library, opened)
    await finish(library)
  } catch (error) {
    fail(error)
  }
}

function describeReadView(rows: number, milliseconds: number): string {
  if (rows === 0) return 'Read-only view: nothing has been stored yet. Reload when the other tab is further.'
  return `Read-only view of ${formatCount(rows)} images, opened in ${formatDuration(milliseconds)}`
}

/** Stores and indexes what is missing, and says what was done. */
async function fill(open: ImageLibrary, opened: number): Promise<void> {
  const { rowsAtOpen, indexedAtOpen } = open
  if (rowsAtOpen >= IMAGE_COUNT && indexedAtOpen >= rowsAtOpen) {
    const text = `Restored ${formatCount(rowsAtOpen)} images in ${formatDuration(opened)}`
    progress.say(`${text}, first answer included. Nothing was indexed again.`)
    return
  }
  setState('filling')
  figures.setStart(undefined)
  const began = performance.now()
  const onProgress = ({ rows, indexedRows }: { rows: number; indexedRows: number }): void => {
    gallery.setCount(rows)
    progress.show(rows, indexedRows, IMAGE_COUNT)
    if (chosen === undefined && rows > 0) void chooseFirst()
    if (performance.now() - figuresShown > 500) void refreshFigures().catch(fail)
  }
  await open.storeMissing(onProgress)
  const stored = performance.now() - began
  document.body.dataset.rowsStored = String(open.rowsStored)
  if (chosen !== undefined) await choose(chosen.id, false) // what was stored since may be nearer
  await open.indexed(onProgress)
  const indexed = performance.now() - began
  figures.setStart(describeStart(open.rowsStored, stored, gallery.count - indexedAtOpen, indexed))
  await open.save()
  progress.hideBar()
  const found = rowsAtOpen > 0 ? `Found ${formatCount(rowsAtOpen)}, stored` : 'Stored'
  progress.say(
    `${found} ${formatCount(open.rowsStored)} images in ${formatDuration(stored)}, ` +
      `all indexed after ${formatDuration(indexed)}. ${await describeKeeping(open)}`,
  )
}

async function describeKeeping(open: ImageLibrary): Promise<string> {
  const { database } = await open.stats()
  return database.durable ? 'A reload restores them.' : 'They are gone when this page closes.'
}

function describeStart(storedRows: number, stored: number, indexedRows: number, indexed: number): Figure {
  const perSecond = (rows: number, milliseconds: number): string =>
    `${formatCount((rows * 1000) / milliseconds)} images/s`
  const note = storedRows === 0 ? {} : { note: `stored ${perSecond(storedRows, stored)}, durable` }
  return { key: 'start', term: 'Indexing', value: perSecond(indexedRows, indexed), ...note }
}

async function finish(open: ImageLibrary): Promise<void> {
  setState('measuring')
  await refreshFigures()
  if (gallery.count > 0) figures.setRecall(await measureRecall(open, gallery.count))
  await refreshFigures()
  setState('ready')
}

async function refreshFigures(): Promise<void> {
  figuresShown = performance.now()
  if (library !== undefined) figures.show(await library.stats(), longestTask)
}

function fail(error: unknown): void {
  console.error(error)
  progress.hideBar()
  progress.say('')
  byId('main').hidden = gallery.count === 0
  setState('problem')
  showProblem(error, (remedy) => void recover(remedy))
}

async function recover(remedy: Remedy): Promise<void> {
  try {
    await library?.close()
  } catch (error) {
    console.warn('closing the broken database failed too', error)
  }
  library = undefined
  const options = optionsFromAddress()
  if (remedy === 'read-only') options.readOnly = true
  if (remedy === 'memory') {
    options.storage = 'memory'
    forgetImages()
  }
  await start(options)
}

async function loadImages(ids: readonly number[]): Promise<readonly StoredImage[]> {
  try {
    return (await library?.get(ids)) ?? []
  } catch (error) {
    fail(error)
    return []
  }
}

/** The image named in the address, or the first, so that the page is never without an answer. */
async function chooseFirst(): Promise<void> {
  if (gallery.count === 0 || chosen !== undefined) return
  const wanted = Number(/^#image-(\d+)$/.exec(location.hash)?.[1] ?? 0)
  await choose(wanted < gallery.count ? wanted : 0, false)
}

async function choose(id: number, byPerson: boolean): Promise<void> {
  const open = library
  if (open === undefined || id < 0 || id >= gallery.count) return
  const choice = ++choices
  try {
    const [image] = await open.get([id])
    if (image === undefined || choice !== choices) return
    chosen = image
    const answer = await open.nearest(image, NEIGHBOURS, false)
    if (choice !== choices) return
    results.show(image, answer, byPerson)
    gallery.setChosen(id)
    if (byPerson) history.replaceState(null, '', `#image-${id}`)
  } catch (error) {
    fail(error)
  }
}

async function compareChosen(): Promise<void> {
  const image = chosen
  if (library === undefined || image === undefined || comparing) return
  comparing = true
  try {
    const comparison = await compare(library, image)
    if (chosen?.id === image.id) results.showComparison(comparison)
  } catch (error) {
    fail(error)
  } finally {
    comparing = false
  }
}

function forgetImages(): void {
  chosen = undefined
  choices++
  results.clear()
  gallery.setCount(0)
  figures.setRecall(undefined)
}

async function clearAndIndexAgain(): Promise<void> {
  if (library === undefined) return
  setState('opening')
  try {
    forgetImages()
    await library.clear()
    library = undefined
    await start(optionsFromAddress())
  } catch (error) {
    fail(error)
  }
}

async function measureAgain(): Promise<void> {
  if (library === undefined) return
  try {
    await finish(library)
  } catch (error) {
    fail(error)
  }
}

/** Letters work while the focus is on an image, so they never take a key from anything else. */
function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element)) return
  if (event.target.closest('.tile, .hit') === null) return
  if (event.key === 'c') void compareChosen()
  if (event.key !== 'r' || gallery.count === 0) return
  const id = Math.floor(Math.random() * gallery.count)
  gallery.focus(id)
  void choose(id, true)
}

document.addEventListener('keydown', onKey)
recallButton.addEventListener('click', () => void measureAgain())
againButton.addEventListener('click', () => void clearAndIndexAgain())
void start(optionsFromAddress())
