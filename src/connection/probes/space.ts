import { posix } from 'node:path'
import type { Probe } from '../contract.ts'
import { joinLines, quotePath, script } from '../quote.ts'
import { makeProbe } from './internals.ts'
import { unanswered } from './replies.ts'

/** Room on the file system that a path is on, or would be on. */
export interface SpaceFacts {
  readonly availableBytes: number
  /** Device number: equal for paths on one file system, wherever it is mounted. */
  readonly device: string
  readonly mountPoint: string
  /** The nearest existing folder may be written, by this user and by the mount. */
  readonly writable: boolean
  /** The mount itself is read-only, whoever asks. */
  readonly mountedReadOnly: boolean
}

/** `device 1K-blocks used available 13% mount point`; the first and last may hold blanks. */
const dfLine = /^.*\s(\d+)\s+(-?\d+)\s+(-?\d+)\s+(?:-?\d+%|-)\s+(\/.*)$/

/** Room for a path that need not exist: asked of its nearest existing ancestor, by `df -P -k`. */
export function freeSpace(path: string): Probe<SpaceFacts> {
  return makeProbe(
    'freeSpace',
    { path },
    {
      script: joinLines([
        script`p=${quotePath(posix.normalize(path))}`,
        script`while [ ! -e "$p" ] && [ "$p" != / ] && [ "$p" != . ]; do`,
        script`  p=\${p%/}; case $p in */*) p=\${p%/*} ;; *) p=. ;; esac; [ -n "$p" ] || p=/`,
        script`done`,
        script`stat -L -c %d "$p" || exit 1`,
        script`[ -w "$p" ] && echo yes || echo no`,
        script`df -P -k "$p"`,
        // busybox takes root for able to write anywhere, so the mount's own word is asked for.
        script`echo; cat /proc/self/mounts 2>/dev/null || :`,
      ]),
      limitBytes: 256 * 1024,
      parse: reply => {
        const [device = '', writable, , ...rest] = reply.stdout.toString().split('\n')
        const [line = '', ...after] = rest
        const [, , , availableKiB, mountPoint] = dfLine.exec(line) ?? []
        if (reply.code !== 0 || availableKiB === undefined || mountPoint === undefined) {
          throw unanswered(`no free space can be told for ${path}`, reply)
        }
        const mountedReadOnly = isMountedReadOnly(mountPoint, after)
        return {
          availableBytes: Math.max(0, Number(availableKiB)) * 1024,
          device,
          mountPoint,
          writable: writable === 'yes' && !mountedReadOnly,
          mountedReadOnly,
        }
      },
    },
  )
}

/** The last mount over a folder is the one that counts. */
function isMountedReadOnly(mountPoint: string, mounts: readonly string[]): boolean {
  const escaped = mountPoint.replace(
    /[\\ \t]/g,
    c => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`,
  )
  const options = mounts
    .map(line => line.split(' '))
    .filter(fields => fields[1] === escaped)
    .at(-1)?.[3]
  return options?.split(',').includes('ro') ?? false
}

/**
 * True when the path itself is a mount point: a file system of its own, or a bind mount. Such a path
 * cannot be renamed. False for a path that is not there.
 */
export function mountPoint(path: string): Probe<boolean> {
  const quoted = quotePath(path)
  return makeProbe(
    'mountPoint',
    { path },
    {
      script: joinLines([
        script`p=${quoted}; p=\${p%/}; [ -n "$p" ] || exit 0`,
        script`[ -e "$p" ] || exit 1`,
        script`[ ! -L "$p" ] || exit 1`,
        script`mountpoint -q "$p" 2>/dev/null && exit 0`,
        script`[ -d "$p" ] && above=$p/.. || above=\${p%/*}/`,
        script`[ "$(stat -c %d "$p")" = "$(stat -L -c %d "$above")" ] || exit 0`,
        // A bind mount from the same device shows in mountinfo alone.
        script`parent=$(cd "$above" && pwd -P) || exit 2`,
        script`real=\${parent%/}/\${p##*/}`,
        script`esc=$(printf '%s\\n' "$real" | sed 's/\\\\/\\\\134/g; s/ /\\\\040/g; s/\t/\\\\011/g')`,
        script`cut -d' ' -f5 /proc/self/mountinfo 2>/dev/null | grep -qxF -e "$esc"`,
      ]),
      limitBytes: 1024,
      parse: reply => {
        if (reply.code !== 0 && reply.code !== 1) {
          throw unanswered(`it cannot be told whether ${path} is a mount point`, reply)
        }
        return reply.code === 0
      },
    },
  )
}
