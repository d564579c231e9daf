import type { Probe } from '../contract.ts'
import { joinLines, quoteWord, script } from '../quote.ts'
import { makeProbe } from './internals.ts'
import { lastWords } from './replies.ts'

/** Whether a web server answers a host, whatever it says. */
export type Reached = { readonly status: number } | { readonly error: string }

/** What a host has for requests of its own. */
export interface UploadFacts {
  /** What `curl --version` prints; empty where there is no curl. */
  readonly curl: string
  /** What hashes, the fastest first; undefined where nothing does. */
  readonly hasher: 'openssl' | 'sha256sum' | undefined
  /** Programs among `uploadPrograms` that are not there. */
  readonly missing: readonly string[]
  /** Whether the host's tar is GNU's. */
  readonly gnuTar: boolean
  /** Undefined where no origin was asked for. */
  readonly reached: Reached | undefined
}

/** What copying into a window and packing there needs besides curl and a hasher. */
export const uploadPrograms = ['dd', 'mktemp', 'xargs', 'stat', 'wc', 'sed', 'cat', 'rm'] as const

/** Seconds to connect, and altogether: a firewall that drops packets must not hold up a plan. */
const connectSeconds = 3
const answerSeconds = 6

/** The sha256 of nothing: whether a hasher works is seen by what it says. */
const emptySum = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/**
 * Tools for uploads, and whether the host reaches an origin (`https://s3.example.org:9000`): asked by a
 * HEAD without credentials, whose answer may be any.
 */
export function uploadTools(origin?: string): Probe<UploadFacts> {
  const ask =
    origin === undefined
      ? []
      : [
          script`if command -v curl >/dev/null 2>&1; then`,
          script`  r=$(curl -q -s -S -g -I -o /dev/null --connect-timeout ${connectSeconds} --max-time ${answerSeconds} -w '%{http_code}' ${quoteWord(origin)}/)`,
          script`  echo "A $r"`,
          script`fi`,
        ]
  return makeProbe<UploadFacts>(
    'uploadTools',
    { origin },
    {
      script: joinLines([
        script`hashes() { case $("$@" </dev/null 2>/dev/null) in ${quoteWord(emptySum)}*) return 0 ;; *) return 1 ;; esac; }`,
        script`if hashes openssl dgst -sha256 -r; then echo H openssl`,
        script`elif hashes sha256sum; then echo H sha256sum; fi`,
        ...uploadPrograms.map(
          name =>
            script`command -v ${quoteWord(name)} >/dev/null 2>&1 || echo ${quoteWord(`M ${name}`)}`,
        ),
        script`tar --version 2>/dev/null | grep -q 'GNU tar' && echo T`,
        ...ask,
        script`echo V; curl -q --version 2>/dev/null || :`,
      ]),
      limitBytes: 16 * 1024,
      parse: ({ stdout, stderr }) => {
        const text = stdout.toString('latin1')
        const at = /^V$/m.exec(text)?.index ?? text.length
        const lines = text.slice(0, at).split('\n')
        const after = (mark: string): string | undefined =>
          lines.find(line => line.startsWith(mark))?.slice(mark.length)
        const hasher = after('H ')
        return {
          curl: text.slice(at + 2).trim(),
          hasher: hasher === 'openssl' || hasher === 'sha256sum' ? hasher : undefined,
          missing: lines.filter(line => line.startsWith('M ')).map(line => line.slice(2)),
          gnuTar: lines.includes('T'),
          reached: readReached(after('A '), lastWords(stderr, 1)),
        }
      },
    },
  )
}

function readReached(printed: string | undefined, said: string): Reached | undefined {
  if (printed === undefined) return undefined
  const status = Number(printed)
  return status > 0 ? { status } : { error: said === '' ? 'no answer' : said }
}
