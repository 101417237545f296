#!/usr/bin/env node
import { argv, exit, stdout, stderr } from 'node:process'
import { version } from './version.ts'

/** Each command is a file, loaded when it is called for: the rest costs no time to start. */
const commands: Record<string, { summary: string, load: () => Promise<Command> }> = {
  serve: { summary: 'run a node', load: () => import('./commands/serve.ts') },
  member: { summary: 'list, add and remove nodes of a cluster', load: () => import('./commands/member.ts') },
  certs: { summary: 'make authorities, certificates and keys', load: () => import('./commands/certs.ts') },
  cluster: { summary: 'run three nodes on this machine, to try things out', load: () => import('./commands/cluster.ts') },
  docs: { summary: 'write the reference pages', load: () => import('./commands/docs.ts') },
}

interface Command {
  help: string | (() => string)
  run: (args: string[]) => Promise<number>
}

const help = `Changewell ${version}

Usage: changewell <command>

Commands:
${Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}`).join('\n')}

  changewell <command> --help   what a command takes
  changewell --version          the version of this release
`

const isHelp = (word: string): boolean => word === '--help' || word === '-h'

// `help serve` is `serve --help`.
const words = argv.slice(2)
const [name = '', ...args] = words[0] === 'help' && words.length > 1 ? [words[1]!, '--help'] : words
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
if (command !== undefined) {
  const { help, run } = await command.load()
  if (args.some(isHelp)) stdout.write(typeof help === 'string' ? help : help())
  else process.exitCode = await run(args)
} else if (isHelp(name) || name === 'help') {
  stdout.write(help)
} else if (name === '--version' || name === '-v') {
  stdout.write(`${version}\n`)
} else {
  stderr.write(`${name === '' ? 'Which command?' : `There is no command ${name}.`}\n\n${help}`)
  exit(2)
}
