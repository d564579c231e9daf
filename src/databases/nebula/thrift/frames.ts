import { BkpError } from '../../../base/errors.ts'
import { formatBytes } from '../../../base/units.ts'

/** Bytes of the longest reply that is read where nothing else is said. */
export const defaultFrameLimit = 64 * 1024 * 1024

/** Bytes of the longest frame that may be allowed at all (specs/nebula.md §1.1). */
export const largestFrameLimit = 256 * 1024 * 1024

/** A message as it goes over the wire: four bytes of length before it. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(4 + message.length)
  framed.writeUInt32BE(message.length)
  framed.set(message, 4)
  return framed
}

/** What a server is that begins to speak like this, and what to do about it. */
const strangers: readonly {
  readonly is: (head: Buffer) => boolean
  readonly says: string
  readonly hint: string
}[] = [
  {
    // 0x48545450 read as a length is the "Incorrect frame size (1213486160)" of nebula-br#61.
    is: head => head.toString('latin1', 0, 4) === 'HTTP',
    says: 'this is an HTTP port (ws_http_port)',
    hint: "give the Thrift port of the service: metad's is 9559 by default, graphd's 9669",
  },
  {
    is: head => head.toString('latin1', 0, 4) === 'SSH-',
    says: 'this is an SSH server',
    hint: "give the Thrift port of the service: metad's is 9559 by default, graphd's 9669",
  },
  {
    // A record of TLS: handshake, alert and the like, of SSL 3 to TLS 1.3.
    is: ([type = 0, major, minor = 0]) => type >= 20 && type <= 23 && major === 3 && minor <= 4,
    says: 'this port speaks TLS',
    hint: 'bkp speaks plain Thrift: services with --enable_ssl or --enable_meta_ssl cannot be asked',
  },
  {
    is: head => head.readUInt16BE() === 0x8001,
    says: 'it answers in Thrift without frames',
    hint: 'a metad answers as it is asked: is there a proxy in front of it?',
  },
]

/**
 * Takes frames out of bytes as they come. Memory grows with what has come, not with what was announced.
 * @throws nebula.protocol from `push` for what is no frame, or one above the limit
 */
export function frameReader(limitBytes = defaultFrameLimit): {
  push(bytes: Uint8Array): readonly Buffer[]
} {
  const limit = Math.min(limitBytes, largestFrameLimit)
  let chunks: Uint8Array[] = []
  let have = 0

  function compact(): Buffer {
    const all = Buffer.concat(chunks, have)
    chunks = [all]
    return all
  }

  let wanted: number | undefined
  return {
    push: bytes => {
      chunks.push(bytes)
      have += bytes.length
      const messages: Buffer[] = []
      while (have >= (wanted ?? 8)) {
        const all = compact()
        if (wanted === undefined) {
          wanted = 4 + checkedLength(all, limit)
          continue
        }
        messages.push(all.subarray(4, wanted))
        chunks = [all.subarray(wanted)]
        have -= wanted
        wanted = undefined
      }
      if (wanted === undefined && have >= 4) recognizeStranger(compact())
      return messages
    },
  }
}

/** The first eight bytes: a length, and the beginning of a message. */
function checkedLength(head: Buffer, limit: number): number {
  recognizeStranger(head)
  const length = head.readUInt32BE()
  if (head.readUInt16BE(4) === 0x0fff) {
    throw new BkpError(
      'nebula.protocol',
      'it answers in the header transport, not in plain frames',
      {
        hint: 'a metad answers as it is asked: is there a proxy in front of it?',
      },
    )
  }
  if (length < 4 || head.readUInt16BE(4) !== 0x8001) {
    throw new BkpError('nebula.protocol', 'what came is no framed binary Thrift', {
      hint: "give the Thrift port of the service: metad's is 9559 by default, graphd's 9669",
      details: { first_bytes: head.subarray(0, 8).toString('hex') },
    })
  }
  if (length > limit) {
    throw new BkpError(
      'nebula.protocol',
      `a message of ${formatBytes(length)}: more than ${formatBytes(limit)}, which is the limit`,
    )
  }
  return length
}

function recognizeStranger(head: Buffer): void {
  const stranger = strangers.find(({ is }) => is(head))
  if (stranger === undefined) return
  throw new BkpError('nebula.protocol', `no Thrift here: ${stranger.says}`, { hint: stranger.hint })
}
