/** Fields that end in a NUL byte, in batches as they arrive; bytes after the last NUL are an error of the caller. */
export async function* nulFields(
  stdout: AsyncIterable<Buffer>,
): AsyncGenerator<readonly Buffer[], { readonly rest: Buffer }> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stdout) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const fields: Buffer[] = []
    let start = 0
    for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, start)) {
      fields.push(bytes.subarray(start, at))
      start = at + 1
    }
    rest = bytes.subarray(start)
    if (fields.length > 0) yield fields
  }
  return { rest }
}

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
