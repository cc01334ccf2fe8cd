/** The live figures, as a list of terms and values. */
import { byId, make } from './dom.js'
import type { LibraryStats } from './image-library.js'
import type { LongestTask, RecallFigures } from './measuring.js'
import { formatBytes, formatCount, formatDuration, formatShare } from './number-format.js'

export interface Figure {
  key: string
  term: string
  value: string
  note?: string
}

export class Figures {
  readonly #list = byId('figures')
  #recall: RecallFigures | undefined
  #start: Figure | undefined

  /** How this visit began: with storing and indexing, or with reopening. */
  setStart(start: Figure | undefined): void {
    this.#start = start
  }

  setRecall(recall: RecallFigures | undefined): void {
    this.#recall = recall
  }

  show(stats: LibraryStats, longestTask: LongestTask): void {
    const figures = [...this.#quality(), ...sizes(stats), ...engine(stats), mainThread(longestTask)]
    if (this.#start !== undefined) figures.push(this.#start)
    this.#list.replaceChildren(
      ...figures.map(({ key, term, value, note }) =>
        make(
          'div',
          { 'data-figure': key },
          make('dt', {}, term),
          make('dd', {}, make('b', {}, value), ...(note === undefined ? [] : [make('small', {}, note)])),
        ),
      ),
    )
  }

  #quality(): Figure[] {
    const recall = this.#recall
    if (recall === undefined)
      return [
        { key: 'time', term: 'Time per query', value: '–', note: 'measured once all is indexed' },
        { key: 'recall', term: 'Recall@10', value: '–', note: 'measured once all is indexed' },
      ]
    return [
      {
        key: 'time',
        term: 'Time per query',
        value: formatDuration(recall.graphMilliseconds),
        note: `exact ${formatDuration(recall.exactMilliseconds)}; means of ${recall.sample}`,
      },
      {
        key: 'recall',
        term: 'Recall@10',
        value: formatShare(recall.recall),
        note: `against exact, ${recall.sample} images`,
      },
    ]
  }
}

function sizes({ database, images }: LibraryStats): Figure[] {
  const { vectors, codes, links, ids, metadata } = images.memory
  const perVector = (bytes: number): string => formatCount(images.rows === 0 ? 0 : bytes / images.rows)
  const available = database.storageAvailableBytes
  return [
    {
      key: 'rows',
      term: 'Images',
      value: formatCount(images.rows),
      note: `${images.dimensions} dimensions, ${formatCount(images.indexedRows)} in the graph`,
    },
    {
      key: 'bytes',
      term: 'Bytes per vector',
      value: perVector(vectors + codes + links + ids),
      note:
        `vectors ${perVector(vectors)}, codes ${perVector(codes)}, links ${perVector(links)}, ` +
        `ids ${perVector(ids)}; labels ${perVector(metadata)} more`,
    },
    {
      key: 'storage',
      term: 'Storage used',
      value: formatBytes(database.storageUsedBytes),
      note: `${database.storage}${available === undefined ? '' : `, ${formatBytes(available)} left`}`,
    },
  ]
}

function engine({ database }: LibraryStats): Figure[] {
  return [
    {
      key: 'engine',
      term: 'Engine',
      value: database.engine === 'worker' ? 'Worker' : 'In place',
      note:
        database.backgroundError ??
        database.workerFallback ??
        `${database.simd}, ${formatBytes(database.memoryBytes)} of memory`,
    },
  ]
}

function mainThread(longest: LongestTask): Figure {
  const term = 'Longest main-thread task'
  if (!longest.supported) return { key: 'task', term, value: '–', note: 'this browser does not tell' }
  const value = longest.milliseconds === 0 ? 'under 50 ms' : formatDuration(longest.milliseconds)
  return { key: 'task', term, value, note: 'since the page was opened' }
}
