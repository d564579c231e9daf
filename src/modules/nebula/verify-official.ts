import * as Type from 'typebox'
import { BkpError } from '../../base/errors.ts'
import { officialLayouts } from '../../databases/nebula/official/layout.ts'
import {
  type OfficialCheck,
  verifyOfficial as verify,
} from '../../databases/nebula/official/verify.ts'
import { defineClusterModule } from '../contract.ts'
import { officialBackupName } from './official/backup-argument.ts'
import { fromArgument, fromResources, fromText, openFrom } from './official/from-argument.ts'

/** Faults that the error itself lists; its details hold all that were kept. */
const shownFaults = 20

const count = (description: string) => Type.Number({ description })

export const verifyOfficial = defineClusterModule({
  name: 'nebula.verify_official',
  summary: 'Check that a backup of the official BR is whole, and fail where it is not.',
  args: Type.Object(
    { from: fromArgument(), backup: officialBackupName() },
    { additionalProperties: false },
  ),
  returns: Type.Object(
    {
      backup: Type.String({ description: 'Its name.' }),
      generation: Type.Enum([...officialLayouts], { description: 'Of the BR that made it.' }),
      spaces: count('Number of spaces.'),
      checkpoints: count('Number of checkpoints: of a space in a data path of a storaged.'),
      files: count('Number of files.'),
      bytes: count('Bytes of all files.'),
      ssts: count('Number of SSTs that are needed; all are there with their sizes.'),
      unexpected: Type.Array(Type.String(), {
        description: 'What its .meta says nothing of: the first ones.',
      }),
      unchecked: Type.String({ description: 'What this check does not tell.' }),
    },
    { additionalProperties: false },
  ),
  resources: ({ from }) => [...fromResources(from)],
  // What there is to find is found when it is run: it reads every MANIFEST.
  inspect: async (site, { from }) => ({ url: openFrom(site, from).url }),
  plan: ({ args }) => ({
    kind: 'change',
    changes: [
      {
        action: 'call',
        target: `verify ${args.backup} in ${fromText(args.from)}`,
        notes: [
          'its .meta, all files that its MANIFESTs need and their sizes; not the bytes of SSTs',
        ],
      },
    ],
    after: {},
    changesNothing: true,
  }),
  apply: async (site, { args, facts }, io) => {
    const check = await verify(openFrom(site, args.from), args.backup, io)
    const { generation, faults: _faults, fault_count: faultCount, ...rest } = check
    if (faultCount > 0 || generation === null) throw notWhole(facts.url, check)
    return {
      ...rest,
      generation,
      unexpected: [...check.unexpected],
      unchecked: 'the bytes of SSTs: RocksDB checks the sums of their blocks when it reads them',
    }
  },
})

function notWhole(url: string, { backup, faults, fault_count: count }: OfficialCheck): BkpError {
  const shown = faults
    .slice(0, shownFaults)
    .map(({ path, problem }) => `  ${path === '' ? problem : `${path} ${problem}`}`)
  const more = count - shown.length
  const tail = more > 0 ? [`  ... and ${more} more`] : []
  return new BkpError(
    'nebula.backup_invalid',
    [`${url}: ${backup} is not whole: ${count} faults`, ...shown, ...tail].join('\n'),
    {
      hint: 'use another backup; nebula.official_backups lists them',
      details: { faults, fault_count: count },
    },
  )
}
