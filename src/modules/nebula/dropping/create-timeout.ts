import { parseDuration } from '../../../base/units.ts'
import type { NebulaSettings } from '../../../databases/nebula/settings.ts'

/** Longest createBackup or CREATE SNAPSHOT where neither step nor inventory says (specs §6). */
const defaultCreateTimeout = '30m'

/** In milliseconds; what the step says wins. @throws usage.invalid */
export function createTimeoutMs(settings: NebulaSettings, ofStep?: string): number {
  return parseDuration(ofStep ?? settings.create_timeout ?? defaultCreateTimeout)
}
