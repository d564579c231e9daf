import type { ErrorCode } from '../../base/errors.ts'

/** A failure as users are told of it. */
export interface Meaning {
  /** `storage.failed` without it. */
  readonly code?: ErrorCode
  readonly what: string
  readonly hint: string
}

/** Finds what a server's name of a failure means; `synonyms` are other names for those of the table. */
export function meaningsByName(
  meanings: Readonly<Record<string, Meaning>>,
  synonyms: Readonly<Record<string, string>>,
): (name: string) => Meaning | undefined {
  return name => own(meanings, own(synonyms, name) ?? name)
}

/** The names come from a server: `constructor` is none of ours. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

export const noSpace: Meaning = {
  code: 'storage.no_space',
  what: 'no space is left',
  hint: 'free space there, or vacuum the repository',
}

/** A server that asks for patience until there is none left; `words` are what else it says. */
export function stillBusy(said: string | number, words = ''): Meaning {
  return {
    code: 'storage.unreachable',
    what: `the server still says ${said} after several attempts${words === '' ? '' : `: ${words}`}`,
    hint: 'try again later, or with less at a time',
  }
}

/** Nothing came back, or only part of it. */
export function noAnswer(server: string, why: string, hint: string): Meaning {
  return { code: 'storage.unreachable', what: `no answer from ${server} (${why})`, hint }
}

/**
 * A failure without an answer that no second attempt mends: TLS, a port that speaks no HTTP. `code`
 * is Node's, `peer` whose certificate is looked at, `hint` what to do where it is not that.
 */
export function noHttp(code: string, what: string, peer: string, hint: string): Meaning {
  const isTls = /CERT|TLS|SSL|SELF_SIGNED|ALTNAME|UNABLE_TO_/.test(code)
  return {
    code: 'storage.unreachable',
    what,
    hint: isTls
      ? `check the certificate of the ${peer}; NODE_EXTRA_CA_CERTS names a file with an authority of your own`
      : hint,
  }
}
