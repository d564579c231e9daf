import { snapshotCases } from './snapshot-cases.ts'

snapshotCases({ generation: '3.3', metads: 1, storageds: 2 }, 'by day')
