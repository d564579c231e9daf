import { escapeControls } from '../base/text.ts'
import type { Command, Word } from '../connection/contract.ts'

/** A word as a reader would type it; secrets show as dots, bytes as text. */
function displayWord(word: Word): string {
  const text = word instanceof Uint8Array ? new TextDecoder().decode(word) : String(word)
  if (/^[\w@%+=:,./•-]+$/.test(text)) return text
  return `'${escapeControls(text.replaceAll("'", `'\\''`), { newlines: false })}'`
}

/**
 * A command line for people: plans, errors, the journal. It is never run: what runs is quoted by
 * the transport.
 */
export function displayCommand(command: Command): string {
  return command.argv.map(displayWord).join(' ')
}
