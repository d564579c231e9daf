import type { OutputStream } from './terminal.ts'

/** Characters that are gathered before they are written: a write for each line is slow. */
const pieceLength = 64 * 1024

/**
 * Writes text as it comes and waits for whoever reads it: a list of millions of files is never held.
 * Ends early once nobody reads any more (`| head`).
 */
export async function writeText(
  { isTerminal, write, writeBytes }: Pick<OutputStream, 'isTerminal' | 'write' | 'writeBytes'>,
  texts: AsyncIterable<string>,
): Promise<void> {
  const put = async (text: string): Promise<boolean> => {
    if (writeBytes !== undefined) return await writeBytes(Buffer.from(text))
    write(text)
    return true
  }
  // A person sees at once what is found.
  const enough = isTerminal ? 1 : pieceLength
  let piece = ''
  for await (const text of texts) {
    piece += text
    if (piece.length < enough) continue
    if (!(await put(piece))) return
    piece = ''
  }
  if (piece !== '') await put(piece)
}
