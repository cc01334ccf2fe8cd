/**
 * What tabs of one database say to each other. Small announcements go through the *lobby*, a channel that all of them
 * hear. Requests and answers go through a channel of each tab's own, so that rows are copied to the one tab they are
 * meant for. A *term* names one leadership: what an earlier leader says late is known by it and dropped.
 */
import type { ErrorRecord, RequestKind } from '../engine/protocol.js'
import type { Token } from '../wasm/core-values.js'

export type LobbyMessage =
  /** Who leads? Sent with the tab's own channel open. */
  | { readonly type: 'hello'; readonly tab: string }
  /** Elected, and reading the storage. */
  | { readonly type: 'opening'; readonly term: string }
  /** Ready: all tabs say hello. */
  | { readonly type: 'leading'; readonly term: string }

export type ToLeader =
  | {
      readonly type: 'request'
      readonly term: string
      /** Grows with every attempt of this tab. */
      readonly attempt: number
      readonly kind: RequestKind
      readonly input: unknown
      readonly token: Token | undefined
      /** An attempt before this one may have been carried out. */
      readonly isRepeated: boolean
      /** Its signal fired meanwhile: nothing is begun any more, but what was done before is told. */
      readonly isCancelled: boolean
    }
  | { readonly type: 'cancel'; readonly term: string; readonly attempt: number }
  /** Asks for a sign of life, and after answers that may have been lost. */
  | { readonly type: 'ping'; readonly term: string; readonly attempts: readonly number[] }

export type FromLeader =
  | { readonly type: 'welcome'; readonly term: string; readonly partBytesMax: number }
  | { readonly type: 'output'; readonly term: string; readonly attempt: number; readonly output: unknown }
  | { readonly type: 'error'; readonly term: string; readonly attempt: number; readonly error: ErrorRecord }
  | {
      readonly type: 'progress'
      readonly term: string
      readonly attempt: number
      readonly done: number
      readonly total: number
    }
  /** `missing`: the attempts asked after that are not under way; what came of them was said before this. */
  | { readonly type: 'pong'; readonly term: string; readonly missing: readonly number[] }

/** Both directions share a tab's channel, and so may a leader of before. */
export function isFromLeader(message: ToLeader | FromLeader): message is FromLeader {
  return message.type !== 'request' && message.type !== 'cancel' && message.type !== 'ping'
}

export interface ChannelNames {
  readonly leaderLock: string
  readonly lobby: string
  aliveLock(tab: string): string
  tabChannel(tab: string): string
}

/** Each name ends in what it is for, so that no database's name can be taken for another's. */
export function channelNames(storage: string, database: string): ChannelNames {
  const base = `omendb:${storage}:${database}`
  return {
    leaderLock: `${base}:leader`,
    lobby: `${base}:lobby`,
    aliveLock: (tab) => `${base}:${tab}:alive`,
    tabChannel: (tab) => `${base}:${tab}:requests`,
  }
}
