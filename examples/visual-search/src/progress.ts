/** The line and the bar at the top: what the page is doing, or what it did. */
import { byId } from './dom.js'
import { formatCount } from './number-format.js'

export class Progress {
  readonly #text = byId('progress-text')
  readonly #bar = byId('progress-bar')

  say(text: string): void {
    this.#text.textContent = text
  }

  /** Storing and indexing overlap, so one bar shows both: the pale part is stored, the strong part indexed. */
  show(stored: number, indexed: number, total: number): void {
    const text =
      stored < total
        ? `Storing ${formatCount(stored)} of ${formatCount(total)}, indexed ${formatCount(indexed)}`
        : `Indexing ${formatCount(indexed)} of ${formatCount(total)}`
    this.say(`${text}. You can search already.`)
    this.#bar.hidden = false
    this.#bar.style.setProperty('--stored', String(stored / total))
    this.#bar.style.setProperty('--indexed', String(indexed / total))
    this.#bar.setAttribute('aria-valuenow', String(Math.round(((stored + indexed) * 50) / total)))
    this.#bar.setAttribute('aria-valuetext', text)
  }

  hideBar(): void {
    this.#bar.hidden = true
  }
}
