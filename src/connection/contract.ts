import type { Duplex } from 'node:stream'
import type { Io } from '../base/io.ts'
import type { Secret } from '../base/secret.ts'

/** One argument of a command. File names need not be UTF-8, so bytes are words too. */
export type Word = string | Uint8Array | Secret

/** A command as a list of words; it becomes shell text in `quote.ts` and nowhere else. */
export interface Command {
  readonly argv: readonly Word[]
  readonly stdin?: Uint8Array | AsyncIterable<Uint8Array> | Secret
  readonly env?: Readonly<Record<string, Word>>
  readonly cwd?: string
}

/** How a command ended. At most `outputLimitBytes` of each stream are kept; `truncated` says so. */
export interface Exit {
  /** Exit status; undefined when a signal ended it: `run` takes 128+n for signal n, as shells do. */
  readonly code: number | undefined
  readonly signal?: string
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
  readonly truncated: boolean
}

/** Output kept of each stream of one command, in bytes. */
export const outputLimitBytes = 1024 * 1024

/** Whom commands run as in place of the user who logs in: through sudo. */
export interface Become {
  readonly user: string
  /** What sudo asks for; without one it must not ask. */
  readonly password?: Secret
}

/** How a host is reached, where the inventory does not say. */
export interface Reach {
  readonly transport?: HostAddress['transport']
  readonly port?: number
  readonly user?: string
}

/** How the commands of a step run on a host. */
export interface Manner {
  /** Without it they run as the user who logs in. */
  readonly become?: Become
  /** Variables of each command; what a command sets itself wins. Names as shells take them. */
  readonly environment?: Readonly<Record<string, Word>>
  readonly reach?: Reach
}

declare const brand: unique symbol

/**
 * A question to a host, made only in `probes.ts` and only of commands that read: a dry run cannot
 * write by construction. `identity` is equal for equal questions; the planning overlay is keyed on it.
 */
export interface Probe<T> {
  readonly [brand]: T
  readonly identity: string
}
export type Probes = Readonly<Record<string, Probe<unknown>>>
/** An optional probe has an optional answer. */
export type Answers<P extends Probes> = {
  readonly [K in keyof P]: P[K] extends Probe<infer T> | undefined ? T : never
}

/** A question with an answer too large for memory: file trees, hashes of files. Made in `probes.ts`. */
export interface Scan<T> {
  readonly [brand]: T
  readonly identity: string
}

/** What planning gets. Nothing here can write on the host. */
export interface ReadOnlyHost {
  readonly name: string
  /** `local` when the controller itself is the host: files may be read without a connection. */
  readonly transport: string
  /** Asks everything in one round trip. @throws ssh.*, command.failed when a probe cannot be read */
  ask<P extends Probes>(probes: P, io: Io): Promise<Answers<P>>
  /** Streams the records of a scan on a channel of its own. @throws ssh.*, command.failed */
  scan<T>(scan: Scan<T>, io: Io): AsyncIterable<T>
  /** Bytes of a file. @throws file.unreadable; a range that ends early is an error too */
  read(
    path: string | Uint8Array,
    io: Io,
    range?: { readonly offset: number; readonly lengthBytes: number },
  ): AsyncIterable<Uint8Array>
}

/** What applying gets. */
export interface Host extends ReadOnlyHost {
  /** Runs to its end; a non-zero status is an answer, not an error. @throws ssh.* */
  run(command: Command, io: Io): Promise<Exit>
  /** Runs on a channel of its own; stdout streams, and must be read to the end. */
  stream(
    command: Command,
    io: Io,
  ): { readonly stdout: AsyncIterable<Uint8Array>; readonly exit: Promise<Exit> }
  /** Writes a whole file: temp file beside it, fsync where possible, rename. `mode` is octal text. */
  write(
    path: string | Uint8Array,
    bytes: AsyncIterable<Uint8Array>,
    options: { readonly mode: string },
    io: Io,
  ): Promise<void>
  /** A TCP connection from the host. */
  dial(address: { readonly host: string; readonly port: number }, io: Io): Promise<Duplex>
}

/**
 * What an inventory says of reaching a host; names are ours, not Ansible's. What is left out is as the
 * user's ssh says: `~/.ssh/config`, then ssh's own defaults.
 */
export interface HostAddress {
  readonly name: string
  readonly transport: 'ssh' | 'local'
  readonly hostname: string
  readonly port?: number
  readonly user?: string
  readonly privateKeyFile?: string
  /** The text of a private key, in place of a file. */
  readonly privateKey?: Secret
  readonly privateKeyPassphrase?: Secret
  readonly password?: Secret
  /** As parsed from ansible_ssh_common_args. */
  readonly strictHostKeyChecking?: 'yes' | 'no' | 'accept-new'
  readonly knownHostsFiles?: readonly string[]
  readonly connectTimeoutMs?: number
  /** Jump hosts as `-J` takes them, `[user@]host[:port]` separated by commas; `none` for none. */
  readonly jump?: string
  /** Other options, as `ssh -o` takes them: the first of a kind counts, and all win over ssh's files. */
  readonly sshOptions?: readonly SshOption[]
  /** In place of ssh's own files, as `ssh -F`; `none` for no file at all. */
  readonly sshConfigFile?: string
}

/** An ssh option: its keyword in lower case, and its value as text. */
export type SshOption = readonly [keyword: string, value: string]
