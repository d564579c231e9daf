import { BkpError } from '../../src/base/errors.ts'
import { escapeControls } from '../../src/base/text.ts'
import { flattenFaults } from '../../src/runbook/faults.ts'

/** What reading an input says: a line a fault, or what the reader makes of a good one. */
export function told(read: () => string): string {
  try {
    return read()
  } catch (error) {
    if (error instanceof BkpError) return faultText(error)
    throw error
  }
}

/** The same of something that takes its time. */
export async function toldLater(read: () => Promise<string>): Promise<string> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof BkpError) return faultText(error)
    throw error
  }
}

function faultText(error: BkpError): string {
  const lines = flattenFaults(error).map(fault => {
    const at = fault.place === undefined ? '' : `${fault.place.line}:${fault.place.column} `
    const hint = fault.hint === undefined ? '' : `\n    ${visible(fault.hint)}`
    return `${at}${fault.code}: ${visible(fault.message)}${hint}`
  })
  return `${[...lines, `exit status ${error.exit}`].join('\n')}\n`
}

/** Names that no terminal should get are visible in the expectation, too. */
function visible(text: string): string {
  return escapeControls(text, { newlines: false })
}
