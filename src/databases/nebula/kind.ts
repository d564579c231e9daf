import type { ClusterKind } from '../contract.ts'
import { nebulaRoles } from './instances.ts'
import { settingsSchema } from './settings-schema.ts'

/** NebulaGraph 2.0 to 3.8. Settings: `NebulaSettings`. */
export const nebulaKind: ClusterKind = Object.freeze({
  kind: 'nebula',
  summary: 'A NebulaGraph cluster: metad, storaged and graphd on hosts, by SSH and Thrift.',
  roles: nebulaRoles,
  defaultRole: 'storaged',
  settings: settingsSchema,
  clients: async () => (await import('./clients.ts')).nebulaClients,
})
