import { it } from 'vitest'
import { storageBackends } from '../../src/storage/open.ts'
import { expectTable } from './tables.ts'

interface Settings {
  readonly properties: Readonly<Record<string, Settings & { readonly description?: string }>>
  readonly required?: readonly string[]
}

/** Settings by their paths: `credentials.access_key_id`. */
function rowsOf(type: string, settings: Settings, prefix = ''): readonly (readonly string[])[] {
  return Object.entries(settings.properties).flatMap(([name, setting]) => {
    const isNeeded = settings.required?.includes(name) === true ? 'yes' : ''
    const row = [type, `\`${prefix}${name}\``, isNeeded, setting.description ?? '']
    return [row, ...(setting.properties ? rowsOf(type, setting, `${prefix}${name}.`) : [])]
  })
}

it('docs/storages.md lists every setting of every type', async () => {
  const rows = storageBackends.flatMap(({ type, settings }) =>
    rowsOf(`\`${type}\``, settings as unknown as Settings),
  )
  await expectTable('storages.md', '<!-- settings -->', [
    ['type', 'setting', 'needed', 'meaning'],
    ...rows,
  ])
})
