import { cellWidth } from '../cells.ts'

/** The terminal as the tree needs it. */
export interface Screen {
  /** As it is now: windows are resized. */
  size(): { readonly columns: number; readonly rows: number }
  write(text: string): void
  /** From now on what others write is held, and the cursor is hidden. */
  capture(watcher: ScreenWatcher): void
  /** What others wrote since they were asked last, whole lines. */
  caught(): readonly string[]
  /** Others write for themselves again, what was held first; the cursor is back. */
  release(): void
  /** Has the watcher off the screen while something else uses it: a question and its answer. */
  aside<T>(work: () => Promise<T>): Promise<T>
}

/** Who draws on the screen. */
export interface ScreenWatcher {
  /**
   * The process stops or ends, or somebody is asked: what lives is to be wiped off, the screen
   * released, and nothing written until it goes on.
   */
  suspend(): void
  /** It goes on. */
  resume(): void
  /** A signal came that the run listens to: it winds up. */
  interrupted(): void
}

/** The last lines of the terminal, drawn again and again. */
export interface LiveArea {
  /** Lines that stay go above those that live, in one write. */
  draw(staying: readonly string[], living: readonly string[]): void
}

const csi = '\u001b['
/** Too wide a line must not wrap: its rows could not be counted. */
const wrapOff = `${csi}?7l`
const wrapOn = `${csi}?7h`
const eraseBelow = `${csi}J`
const eraseRest = `${csi}K`

/** A live area at the end of the screen. */
export function createLiveArea(screen: Screen): LiveArea {
  let widths: readonly number[] = []
  let drawnColumns = 0
  return Object.freeze({
    draw: (staying, living) => {
      if (staying.length === 0 && living.length === 0 && widths.length === 0) return
      const { columns } = screen.size()
      // Terminals wrap again what a narrower window has no room for.
      const rows = widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0)
      // The cursor waits at the end of the last row: terminals lose it on an empty one when resized.
      const home = rows < 2 ? '\r' : `\r${csi}${rows - 1}A`
      // Rows that were wrapped stay marked as one line until they are erased whole.
      const wipe = staying.length > 0 || columns !== drawnColumns ? eraseBelow : ''
      const above = staying.map(line => `${line}\n`).join('')
      const drawn = living.map(line => `${line}${eraseRest}`).join('\n')
      screen.write(`${home}${wipe}${above}${wrapOff}${drawn}${eraseBelow}${wrapOn}`)
      drawnColumns = columns
      widths = living.map(line => cellWidth(withoutStyle(line)))
    },
  } satisfies LiveArea)
}

function withoutStyle(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: our own colours begin so
  return line.replace(/\u001b\[\d+m/g, '')
}
