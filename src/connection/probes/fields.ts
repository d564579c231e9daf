/** Lines without their newline, in batches; a last line without one is dropped by the check for an end marker. */
export async function* textLines(
  stdout: AsyncIterable<Buffer>,
): AsyncGenerator<readonly string[], void> {
  let rest = ''
  for await (const chunk of stdout) {
    const lines = (rest + chunk.toString('latin1')).split('\n')
    rest = lines.pop() ?? ''
    if (lines.length > 0) yield lines
  }
}
