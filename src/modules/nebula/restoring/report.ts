import * as Type from 'typebox'
import type { RestorePlan } from '../../../databases/nebula/restore/plan-restore.ts'

const names = (description: string) => Type.Record(Type.String(), Type.String(), { description })
const foldersByHost = (description: string) =>
  Type.Record(Type.String(), Type.Array(Type.String()), { description })
const counts = Type.Record(Type.String(), Type.Number())

/** What `nebula.restore_plan` returns. */
export const restorePlanSchema = Type.Object(
  {
    backup: Type.String({ description: 'The name of the backup in the repository.' }),
    name: Type.String({ description: 'BACKUP_... or SNAPSHOT_..., as the metad named it.' }),
    scope: Type.Enum(['all', 'spaces'], {
      description: 'Whether metads begin anew (all) or only some spaces are replaced.',
    }),
    stage: Type.Object(
      {
        host_map: names('Hosts of the backup and those that take their place.'),
        path_map: names('Trees of the backup and the folders they go to.'),
        paths: Type.Array(Type.String(), { description: 'The trees to restore.' }),
      },
      { additionalProperties: false, description: 'What repository.stage takes.' },
    ),
    aside: foldersByHost('By host: folders that must be empty afterwards, for nebula.stage_empty.'),
    cluster_id_files: foldersByHost('By host: cluster.id of storageds, to be set aside, too.'),
    meta: Type.Object(
      {
        files: Type.Array(Type.String(), { description: 'SSTs for every metad, by name.' }),
        pairs: Type.Array(
          Type.Object({ from: Type.String(), to: Type.String() }, { additionalProperties: false }),
          {
            description: 'Addresses that change, as host:port, in the order they are replaced in.',
          },
        ),
        method: Type.Enum(['restore_meta', 'http_replace'], {
          description:
            'Who replaces them: restoreMeta of every metad, or HTTP of the leader after it.',
        }),
      },
      { additionalProperties: false, description: 'What nebula.restore_meta takes.' },
    ),
    expected: Type.Object(
      {
        spaces: Type.Array(Type.String(), { description: 'Spaces that must be there afterwards.' }),
        fingerprint: Type.Record(
          Type.String(),
          Type.Object(
            {
              vertices: Type.Number(),
              edges: Type.Number(),
              tags: counts,
              edgeTypes: counts,
            },
            { additionalProperties: false },
          ),
          { description: 'By space: what it held, where that was counted.' },
        ),
      },
      { additionalProperties: false, description: 'What nebula.health is to find afterwards.' },
    ),
    restorable: Type.Boolean({
      description: 'False only with report_only: `lines` say what stands against it.',
    }),
    lines: Type.Array(Type.String(), {
      description: 'Both topologies side by side, and what is going to happen.',
    }),
  },
  { additionalProperties: false },
)

/** The plan as a result. */
export type RestoreReport = ReturnType<typeof reportOf>

/** A plan as the step gives it. */
export function reportOf(backup: string, name: string, plan: RestorePlan) {
  const { scope, stage, aside, clusterIdFiles, meta, fingerprints, lines } = plan
  return {
    backup,
    name,
    scope: scope.kind,
    stage: {
      host_map: { ...stage.host_map },
      path_map: { ...stage.path_map },
      paths: [...stage.paths],
    },
    aside: copyOf(aside),
    cluster_id_files: copyOf(clusterIdFiles),
    meta: {
      files: [...scope.metaFiles],
      pairs: meta.pairs.map(pair => ({ ...pair })),
      method: meta.method,
    },
    expected: {
      spaces: scope.spaces.map(space => space.name),
      fingerprint: Object.fromEntries(
        Object.entries(fingerprints).flatMap(([space, fingerprint]) =>
          fingerprint === null
            ? []
            : [
                [
                  space,
                  {
                    ...fingerprint,
                    tags: { ...fingerprint.tags },
                    edgeTypes: { ...fingerprint.edgeTypes },
                  },
                ] as const,
              ],
        ),
      ),
    },
    restorable: true,
    lines: [...lines],
  }
}

/** What stands against a restore, in place of a plan. */
export function reportOfFault(
  backup: string,
  name: string,
  lines: readonly string[],
): RestoreReport {
  return {
    backup,
    name,
    scope: 'all',
    stage: { host_map: {}, path_map: {}, paths: [] },
    aside: {},
    cluster_id_files: {},
    meta: { files: [], pairs: [], method: 'restore_meta' },
    expected: { spaces: [], fingerprint: {} },
    restorable: false,
    lines: [...lines],
  }
}

function copyOf(folders: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(folders).map(([host, paths]) => [host, [...paths]]))
}
