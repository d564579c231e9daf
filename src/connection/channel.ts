import type { Duplex, Readable, Writable } from 'node:stream'
import type { BkpError } from '../base/errors.ts'
import type { Io } from '../base/io.ts'

/** How a channel's shell ended; `lost` when the connection broke before it said so. */
export interface ChannelEnd {
  readonly code: number | undefined
  readonly signal?: string
  readonly lost: boolean
}

/** A running `/bin/sh` that reads its script from stdin and leads a session and a process group. */
export interface Channel {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Settles when the shell has ended, even where something it left behind still holds its output. Never rejects. */
  readonly ended: Promise<ChannelEnd>
  /** Lets go of it at once; ending what runs there is the caller's. */
  close(): void
}

/** A way to a host: all that differs between ssh and the controller itself. */
export interface Transport {
  /** `ssh` or `local`. */
  readonly name: string
  /** Starts a shell. @throws ssh.lost, ssh.unreachable */
  open(io: Io): Promise<Channel>
  /** A TCP connection from the host. @throws ssh.lost, command.failed */
  dial(address: { readonly host: string; readonly port: number }, io: Io): Promise<Duplex>
  /** A faster way to a file's bytes than through a channel, where there is one. */
  read?(
    path: string | Uint8Array,
    io: Io,
    range?: { readonly offset: number; readonly lengthBytes: number },
  ): AsyncIterable<Uint8Array>
  /** The error for a channel whose shell is gone. */
  lost(): BkpError
  /** False once nothing can be opened any more. */
  isAlive(): boolean
  close(): Promise<void>
}
