import type { NebulaOptions } from '../servers/nebula/contract.ts'
import { snapshotCases } from './snapshot-cases.ts'

const generations: readonly NebulaOptions[] = [
  { generation: '2.0', relativePaths: true },
  { generation: '2.1', walPath: true },
  { generation: '3.0' },
  { generation: '3.3', version: '3.3.0' },
  { generation: '3.3' },
]
for (const options of generations) {
  snapshotCases({ ...options, metads: 3, storageds: 3 }, 'at night')
}
