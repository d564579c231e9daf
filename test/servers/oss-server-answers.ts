/** What the server answers. */
export interface OssAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

/** A refusal, as OSS words it. */
export class OssFault extends Error {
  readonly status: number
  readonly code: string
  readonly ec: string

  constructor(status: number, code: string, ec = '0000-00000000', message = code) {
    super(message)
    this.status = status
    this.code = code
    this.ec = ec
  }
}

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

export function unescapeXml(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_all, point) => String.fromCodePoint(Number(point)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&')
}

/** An element; what stands in it is XML already. */
export function element(name: string, ...content: readonly string[]): string {
  return `<${name}>${content.join('')}</${name}>`
}

export function xmlAnswer(body: string): OssAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  }
}

/** Answers to HEAD have no body: the error is in a header then. */
export function faultAnswer(fault: OssFault, requestId: string, isHead: boolean): OssAnswer {
  const { status, code, ec, message } = fault
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${element(
    'Error',
    element('Code', code),
    element('Message', escapeXml(message)),
    element('RequestId', requestId),
    element('HostId', 'oss.test'),
    element('EC', ec),
  )}`
  const headers = { 'content-type': 'application/xml', 'x-oss-ec': ec }
  if (!isHead) return { status, headers, body }
  return { status, headers: { ...headers, 'x-oss-err': Buffer.from(body).toString('base64') } }
}
