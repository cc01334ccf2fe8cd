/** The chosen image, its nearest ones, and the comparison of exact and graph search. */
import { byId, make } from './dom.js'
import type { Answer, Neighbour, StoredImage } from './image-library.js'
import { formatDistance, formatDuration } from './number-format.js'
import { makeThumbnail } from './thumbnail.js'

export interface Comparison {
  graph: Answer
  exact: Answer
  /** How often each was timed. */
  rounds: number
}

export class Results {
  readonly #chosen = byId('chosen')
  readonly #hits = byId('hits')
  readonly #button = byId<HTMLButtonElement>('compare-button')
  readonly #comparison = byId('comparison')
  readonly #announcer = byId('announcer')

  constructor(events: { choose: (id: number) => void; compare: () => void }) {
    for (const list of [this.#hits, this.#comparison])
      list.addEventListener('click', (event) => {
        const button =
          event.target instanceof Element ? event.target.closest<HTMLElement>('[data-hit]') : null
        if (button !== null) events.choose(Number(button.dataset.hit))
      })
    this.#button.addEventListener('click', () => events.compare())
  }

  /** Shows an answer; says it aloud when a person asked for it. */
  show(image: StoredImage, answer: Answer, announce: boolean): void {
    this.#chosen.replaceChildren(
      makeThumbnail('portrait thumbnail', image.pixels),
      make(
        'p',
        {},
        make('strong', {}, image.label),
        make('span', {}, `Image ${image.id}`),
        make(
          'span',
          { class: 'time' },
          `${answer.neighbours.length} nearest in ${formatDuration(answer.milliseconds)}`,
        ),
      ),
    )
    this.#chosen.dataset.image = String(image.id)
    const focused = [...this.#hits.children].findIndex((item) => item.contains(document.activeElement))
    const wasComparing = this.#comparison.contains(document.activeElement)
    this.#hits.replaceChildren(...makeHits(answer.neighbours))
    this.#hits.scrollLeft = 0
    this.hideComparison()
    this.#button.disabled = false
    // Who walks from image to image with the keyboard keeps their place.
    if (focused >= 0) this.#hits.children[focused]?.querySelector('button')?.focus()
    if (wasComparing) this.#button.focus()
    if (announce) {
      this.#announce(image, answer)
      this.#bringIntoView()
    }
  }

  clear(): void {
    this.#chosen.replaceChildren()
    delete this.#chosen.dataset.image
    this.#hits.replaceChildren()
    this.hideComparison()
    this.#button.disabled = true
  }

  showComparison({ graph, exact, rounds }: Comparison): void {
    const found = new Set(graph.neighbours.map(({ id }) => id))
    const truth = new Set(exact.neighbours.map(({ id }) => id))
    const same = exact.neighbours.filter(({ id }) => found.has(id)).length
    const ratio = exact.milliseconds / graph.milliseconds
    const verdict = `${same} of ${exact.neighbours.length} the same; the graph was ${describeSpeed(ratio)}.`
    this.#comparison.replaceChildren(
      makeStrip('Graph', graph, truth),
      makeStrip('Exact', exact, found),
      make('p', { class: 'verdict' }, verdict),
      make(
        'p',
        { class: 'note' },
        `Times are medians of ${rounds} alternating runs, from the call to the answer.`,
      ),
    )
    this.#comparison.hidden = false
    this.#comparison.dataset.same = String(same)
    this.#button.setAttribute('aria-expanded', 'true')
    this.#announcer.textContent = verdict
  }

  hideComparison(): void {
    this.#comparison.hidden = true
    this.#comparison.replaceChildren()
    this.#button.setAttribute('aria-expanded', 'false')
  }

  /** Where the answer stands above the images, as on a phone, a choice far down would seem to do nothing. */
  #bringIntoView(): void {
    if (!matchMedia('(max-width: 56rem)').matches) return
    const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth'
    byId('results').scrollIntoView({ block: 'nearest', behavior })
  }

  #announce(image: StoredImage, { neighbours }: Answer): void {
    const alike = neighbours.filter(({ label }) => label === image.label).length
    const nearest = neighbours[0]
    this.#announcer.textContent =
      nearest === undefined
        ? `${image.label}, image ${image.id}: there is no other image yet.`
        : `${neighbours.length} nearest to ${image.label}, image ${image.id}. ${alike} of the same class. ` +
          `Nearest: ${nearest.label}, image ${nearest.id}, at distance ${formatDistance(nearest.distance)}.`
  }
}

function makeHits(neighbours: readonly Neighbour[]): HTMLElement[] {
  const farthest = neighbours.at(-1)?.distance ?? 0
  return neighbours.map((hit, index) => {
    const distance = formatDistance(hit.distance)
    const canvas = makeThumbnail('thumbnail', hit.pixels)
    const measure = make('span', { class: 'measure', 'aria-hidden': 'true' })
    measure.style.setProperty('--share', String(farthest > 0 ? hit.distance / farthest : 0))
    const button = make(
      'button',
      {
        type: 'button',
        class: 'hit',
        title: `${hit.label} · ${hit.id}`,
        'data-hit': String(hit.id),
        'data-distance': String(hit.distance),
        'aria-label': `${index + 1}: ${hit.label}, image ${hit.id}, distance ${distance}`,
      },
      canvas,
      make('span', { class: 'distance', 'aria-hidden': 'true' }, distance),
      measure,
    )
    return make('li', {}, button)
  })
}

function describeSpeed(ratio: number): string {
  if (ratio > 0.95 && ratio < 1.05) return 'as fast'
  return ratio > 1 ? `${ratio.toFixed(1)} times faster` : `${(1 / ratio).toFixed(1)} times slower`
}

/** One answer in a line; what the other answer does not have is marked. */
function makeStrip(name: string, answer: Answer, other: ReadonlySet<number>): HTMLElement {
  const images = answer.neighbours.map((hit) => {
    const canvas = makeThumbnail('thumbnail', hit.pixels)
    const only = other.has(hit.id) ? '' : `, only found by ${name.toLowerCase()}`
    const label = `${hit.label}, image ${hit.id}, distance ${formatDistance(hit.distance)}${only}`
    const button = make('button', { type: 'button', 'data-hit': String(hit.id), 'aria-label': label }, canvas)
    if (only !== '') button.classList.add('only')
    return make('li', {}, button)
  })
  return make(
    'div',
    { class: 'strip', 'data-ids': answer.neighbours.map(({ id }) => id).join(' ') },
    make('p', {}, make('strong', {}, name), ' ', make('span', {}, formatDuration(answer.milliseconds))),
    make('ol', { 'aria-label': `${name} search` }, ...images),
  )
}
