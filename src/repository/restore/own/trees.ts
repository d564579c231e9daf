import type { LiveTarget } from '../live.ts'

/** What a host makes of a tree by itself: no repository has part in it. */
export type OwnContent =
  /** Nothing: what is there now is only set aside. */
  | { readonly kind: 'folder' }
  /**
   * A folder of the same host: files whose names end with `linked` never change and become hard links,
   * all others real copies.
   */
  | { readonly kind: 'copy'; readonly from: string; readonly linked: string }
  /** A folder of another host, byte for byte, through this process. */
  | { readonly kind: 'transfer'; readonly fromHost: string; readonly from: string }

/** A tree that a host is to have, and where. */
export interface OwnTree {
  readonly host: string
  /** Absolute, without `.`, `..` or a trailing slash. */
  readonly target: string
  readonly content: OwnContent
}

/** The same, and what lies at its target now. */
export interface PlannedOwnTree extends OwnTree {
  readonly live: LiveTarget
  /** Empty is wanted, and nothing is there. */
  readonly isThere: boolean
  /** Files and bytes of what is copied; linked files need no room. */
  readonly files: number
  readonly copiedBytes: number
  readonly linkedBytes: number
  /** What it takes on its file system, in bytes: whole blocks, of its folders, too. */
  readonly needBytes: number
}
