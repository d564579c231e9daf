import { BkpError } from './errors.ts'

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** Bytes for people: `512 B`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < binaryUnits.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${binaryUnits[unit]}`
}

/** Bytes as `formatBytes` writes them: `512 B`, `1.5MiB`. @throws usage.invalid */
export function parseBytes(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?([KMGTP]i)?B$/.exec(text.trim()) ?? []
  if (amount === undefined) {
    throw new BkpError('usage.invalid', `"${text}" is not a number of bytes`, {
      hint: 'write 512B, 100KiB, 50MiB or 1.5GiB',
    })
  }
  const power = binaryUnits.findIndex(each => each === `${unit ?? ''}B`)
  return Math.round(Number(amount) * 1024 ** power)
}

/** A span for people: `0.4s`, `12s`, `3m05s`, `2h03m`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 10) return `${seconds.toFixed(1)}s`
  if (seconds < 60) return `${Math.round(seconds)}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m${String(Math.floor(seconds % 60)).padStart(2, '0')}s`
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`
}

const secondsPerUnit: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** A span as playbooks write it: `90s`, `30m`, `24h`. The inverse of `parseDuration`. */
export function writeDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  const unit = (['d', 'h', 'm'] as const).find(each => seconds % (secondsPerUnit[each] ?? 1) === 0)
  return unit === undefined ? `${seconds}s` : `${seconds / (secondsPerUnit[unit] ?? 1)}${unit}`
}

/** `90s`, `10m`, `24h`, `7d` or a plain number of seconds, in milliseconds. @throws usage.invalid */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m|h|d)?$/.exec(text.trim())
  const [, amount, unit] = match ?? []
  if (amount === undefined) {
    throw new BkpError('usage.invalid', `"${text}" is not a duration`, {
      hint: 'write 90s, 10m, 24h or 7d',
    })
  }
  return Number(amount) * (secondsPerUnit[unit ?? 's'] ?? 1) * 1000
}
