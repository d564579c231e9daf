import { Command } from 'commander'
import { expect, test } from 'vitest'
import { commands } from '../../src/cli/commands/index.ts'
import { runCli } from './run-cli.ts'

test.each(commands.map(entry => [entry.name, entry] as const))(
  '%s takes the arguments that the list of commands shows',
  async (name, entry) => {
    const loaded = await entry.load()
    expect(loaded.name).toBe(name)
    const command = new Command(name).description(entry.summary)
    loaded.register(command, async () => {})
    const args = command.registeredArguments.map(argument => {
      const shown = `${argument.name()}${argument.variadic ? '...' : ''}`
      return argument.required ? `<${shown}>` : `[${shown}]`
    })
    expect(args.join(' ')).toBe(entry.args)
    expect(command.description()).toBe(entry.summary)
  },
)

test('help of one command has its flags, both ways', async () => {
  const one = await runCli(['list', '--help'])
  expect(one.stdout).toContain('--cluster <name>')
  expect((await runCli(['help', 'list'])).stdout).toBe(one.stdout)
})
