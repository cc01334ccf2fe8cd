/**
 * The grid of all images: only the rows in view are in the document. Focus follows the pattern of a
 * data grid: one stop in the tab order, arrows to move, the focused row is never taken out.
 */
import { byId, make } from './dom.js'
import type { StoredImage } from './image-library.js'
import { drawThumbnail } from './thumbnail.js'

const OVERSCAN_ROWS = 3
/** Pixels around an image inside its tile. */
const PADDING = 4

export interface GalleryEvents {
  /** Reads images; asked for what is in view and not known yet. */
  load: (ids: readonly number[]) => Promise<readonly StoredImage[]>
  choose: (id: number) => void
}

export class Gallery {
  readonly #events: GalleryEvents
  readonly #scroller = byId('scroller')
  readonly #grid = byId('grid')
  readonly #rows = new Map<number, HTMLElement>()
  readonly #known = new Map<number, { label: string; pixels: Uint8Array }>()
  #count = 0
  #columns = 1
  #rowHeight = 64
  #gap = 0
  #active = 0
  #chosen = -1
  #loading = false
  #renderQueued = false

  constructor(events: GalleryEvents) {
    this.#events = events
    this.#scroller.addEventListener('scroll', () => this.#queueRender(), { passive: true })
    this.#grid.addEventListener('keydown', (event) => this.#onKey(event))
    this.#grid.addEventListener('click', (event) => this.#onClick(event))
    this.#grid.addEventListener('focusin', (event) => {
      const id = imageOf(event.target)
      if (id !== undefined) this.#activate(id)
    })
    // Calls back at once, too, when the page has been laid out.
    new ResizeObserver(() => this.#measure()).observe(this.#scroller)
  }

  get count(): number {
    return this.#count
  }

  /** How many images there are to show: 0..count - 1. */
  setCount(count: number): void {
    if (count === this.#count) return
    if (count < this.#count) {
      this.#known.clear()
      this.#active = 0
      this.#dropAll()
    }
    this.#count = count
    this.#layOut()
  }

  /** Marks an image as the chosen one and brings it into view. */
  setChosen(id: number): void {
    const before = this.#tile(this.#chosen)
    before?.parentElement?.setAttribute('aria-selected', 'false')
    this.#chosen = id
    this.#reveal(id)
    this.#activate(id)
    this.#render()
    this.#tile(id)?.parentElement?.setAttribute('aria-selected', 'true')
  }

  focus(id: number): void {
    const target = Math.max(0, Math.min(this.#count - 1, id))
    this.#activate(target)
    this.#reveal(target)
    this.#render()
    this.#tile(target)?.focus({ preventScroll: true })
  }

  #tile(id: number): HTMLElement | undefined {
    return this.#grid.querySelector<HTMLElement>(`[data-image="${id}"]`) ?? undefined
  }

  #activate(id: number): void {
    if (id === this.#active) return
    this.#tile(this.#active)?.setAttribute('tabindex', '-1')
    this.#active = id
    this.#tile(id)?.setAttribute('tabindex', '0')
  }

  #onClick(event: MouseEvent): void {
    const id = imageOf(event.target)
    if (id !== undefined) this.#events.choose(id)
  }

  #onKey(event: KeyboardEvent): void {
    const id = imageOf(event.target)
    if (id === undefined || event.altKey || event.metaKey) return
    const next = this.#destination(event, id)
    if (next === undefined) return
    event.preventDefault()
    this.focus(next)
  }

  #destination(event: KeyboardEvent, id: number): number | undefined {
    const column = id % this.#columns
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / this.#rowHeight) - 1) * this.#columns
    const inColumn = (target: number): number => (target < 0 ? column : target < this.#count ? target : id)
    switch (event.key) {
      case 'ArrowRight':
        return id + 1
      case 'ArrowLeft':
        return id - 1
      case 'ArrowDown':
        return inColumn(id + this.#columns)
      case 'ArrowUp':
        return id < this.#columns ? id : id - this.#columns
      case 'PageDown':
        return Math.min(id + page, this.#count - 1)
      case 'PageUp':
        return inColumn(id - page)
      case 'Home':
        return event.ctrlKey ? 0 : id - column
      case 'End':
        return event.ctrlKey ? this.#count - 1 : id - column + this.#columns - 1
      default:
        return undefined
    }
  }

  #reveal(id: number): void {
    const top = Math.floor(id / this.#columns) * this.#rowHeight
    const { scrollTop, clientHeight } = this.#scroller
    if (top < scrollTop) this.#scroller.scrollTop = top
    else if (top + this.#rowHeight > scrollTop + clientHeight)
      this.#scroller.scrollTop = top + this.#rowHeight - clientHeight
  }

  /** Chooses how many columns fit; keeps the image at the top of the view in view. */
  #measure(): void {
    const style = getComputedStyle(this.#grid)
    const gap = parseFloat(style.getPropertyValue('--gap'))
    const width = this.#grid.clientWidth
    const columns = Math.max(
      3,
      Math.floor((width + gap) / (parseFloat(style.getPropertyValue('--tile')) + gap)),
    )
    const rowHeight = (width + gap) / columns
    if (width === 0 || (columns === this.#columns && rowHeight === this.#rowHeight)) {
      this.#queueRender()
      return
    }
    const topImage = Math.round(this.#scroller.scrollTop / this.#rowHeight) * this.#columns
    this.#columns = columns
    this.#rowHeight = rowHeight
    this.#gap = gap
    this.#grid.style.setProperty('--columns', String(columns))
    this.#grid.setAttribute('aria-colcount', String(columns))
    const hadFocus = this.#grid.contains(document.activeElement)
    this.#dropAll()
    this.#layOut()
    this.#scroller.scrollTop = Math.floor(topImage / columns) * rowHeight
    if (hadFocus) this.focus(this.#active)
  }

  #layOut(): void {
    const rows = Math.ceil(this.#count / this.#columns)
    this.#grid.style.height = `${rows * this.#rowHeight}px`
    this.#grid.setAttribute('aria-rowcount', String(rows))
    this.#queueRender()
  }

  #drop(which: (row: number) => boolean): void {
    for (const [row, element] of this.#rows) {
      if (!which(row) || element.contains(document.activeElement)) continue
      element.remove()
      this.#rows.delete(row)
    }
  }

  #dropAll(): void {
    for (const element of this.#rows.values()) element.remove()
    this.#rows.clear()
  }

  #queueRender(): void {
    if (this.#renderQueued) return
    this.#renderQueued = true
    requestAnimationFrame(() => {
      this.#renderQueued = false
      this.#render()
    })
  }

  #render(): void {
    const { scrollTop, clientHeight } = this.#scroller
    const last = Math.ceil(this.#count / this.#columns) - 1
    const from = Math.max(0, Math.floor(scrollTop / this.#rowHeight) - OVERSCAN_ROWS)
    const to = Math.min(last, Math.ceil((scrollTop + clientHeight) / this.#rowHeight) + OVERSCAN_ROWS)
    const activeRow = Math.floor(this.#active / this.#columns)
    this.#drop((row) => (row < from || row > to) && row !== activeRow)
    for (let row = from; row <= to; row++) this.#renderRow(row)
    if (this.#count > 0) this.#renderRow(activeRow)
    void this.#loadMissing()
  }

  #renderRow(row: number): void {
    const cellsWanted = Math.min(this.#columns, this.#count - row * this.#columns)
    const existing = this.#rows.get(row)
    if (existing !== undefined && cellsIn(existing) >= cellsWanted) return
    const element = existing ?? this.#makeRow(row)
    for (let column = cellsIn(element); column < cellsWanted; column++)
      element.append(this.#makeCell(element, row * this.#columns + column, column))
    if (existing !== undefined) return
    this.#rows.set(row, element)
    // Document order is reading order, also for rows that come back while scrolling up.
    let after: HTMLElement | undefined
    for (const [other, candidate] of this.#rows)
      if (other > row && (after === undefined || other < rowOf(after))) after = candidate
    this.#grid.insertBefore(element, after ?? null)
  }

  /** One canvas for a whole row: hundreds of small ones would cost the page a layer each. */
  #makeRow(row: number): HTMLElement {
    const canvas = make('canvas', { class: 'ink', 'aria-hidden': 'true' })
    canvas.width = Math.round(this.#rowHeight * this.#columns * devicePixelRatio)
    canvas.height = Math.round(this.#imageSide() * devicePixelRatio)
    canvas.style.width = `${this.#rowHeight * this.#columns}px`
    canvas.style.height = `${this.#imageSide()}px`
    canvas.style.top = `${PADDING}px`
    const element = make('div', { role: 'row', class: 'row', 'aria-rowindex': String(row + 1) }, canvas)
    element.style.transform = `translateY(${row * this.#rowHeight}px)`
    return element
  }

  #imageSide(): number {
    return this.#rowHeight - this.#gap - 2 * PADDING
  }

  #makeCell(row: HTMLElement, id: number, column: number): HTMLElement {
    const button = make('button', { type: 'button', class: 'tile', 'data-image': String(id) })
    button.tabIndex = id === this.#active ? 0 : -1
    this.#fill(row, button, id)
    return make(
      'div',
      { role: 'gridcell', 'aria-colindex': String(column + 1), 'aria-selected': String(id === this.#chosen) },
      button,
    )
  }

  #fill(row: HTMLElement, button: HTMLElement, id: number): void {
    const image = this.#known.get(id)
    button.setAttribute('aria-label', image === undefined ? `Image ${id}` : `${image.label}, image ${id}`)
    if (image === undefined) return
    button.title = `${image.label} · ${id}`
    button.classList.add('known')
    const left = (id % this.#columns) * this.#rowHeight + PADDING
    const canvas = row.querySelector('canvas')
    if (canvas === null) return
    drawThumbnail(
      canvas,
      image.pixels,
      Math.round(left * devicePixelRatio),
      Math.round(this.#imageSide() * devicePixelRatio),
    )
  }

  #fillIfShown(id: number): void {
    const row = this.#rows.get(Math.floor(id / this.#columns))
    const button = row?.querySelector<HTMLElement>(`[data-image="${id}"]`)
    if (row !== undefined && button) this.#fill(row, button, id)
  }

  /** One read at a time, always for what is in view when it starts. */
  async #loadMissing(): Promise<void> {
    if (this.#loading) return
    const missing: number[] = []
    for (const button of this.#grid.querySelectorAll<HTMLElement>('.tile:not(.known)')) {
      const id = Number(button.dataset.image)
      if (this.#known.has(id)) this.#fillIfShown(id)
      else missing.push(id)
    }
    if (missing.length === 0) return
    this.#loading = true
    try {
      // Small reads, so that decoding and drawing one never costs a frame.
      const images = await this.#events.load(missing.slice(0, 96))
      for (const { id, label, pixels } of images) {
        this.#known.set(id, { label, pixels: Uint8Array.from(pixels) })
        this.#fillIfShown(id)
      }
      if (images.length > 0) this.#queueRender()
    } finally {
      this.#loading = false
    }
  }
}

function imageOf(target: EventTarget | null): number | undefined {
  const button = target instanceof Element ? target.closest<HTMLElement>('[data-image]') : null
  return button === null ? undefined : Number(button.dataset.image)
}

/** The cells of a row: all it holds but its canvas. */
function cellsIn(row: HTMLElement): number {
  return row.childElementCount - 1
}

function rowOf(element: HTMLElement): number {
  return Number(element.getAttribute('aria-rowindex')) - 1
}
