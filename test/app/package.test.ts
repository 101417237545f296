import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { test } from 'tap'
import { documentedProvider } from '../discovery/documented.ts'
import { linksOf, readPages } from '../docs/pages.ts'
import { folder, until } from '../support/node.ts'
import { project } from '../support/project.ts'
import { start } from './command.ts'

interface Packed {
  filename: string
  files: { path: string }[]
}

const packedOf = (output: string): Packed => (JSON.parse(output) as Packed[])[0]!

test('the package serves in an empty folder, with nothing but the dependencies that it names, and the demo runs on it', async (t) => {
  const copy = folder(t)
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: project, encoding: 'utf8' }).split('\0')
  for (const path of listed) {
    if (path !== '' && existsSync(join(project, path))) cpSync(join(project, path), join(copy, path))
  }
  symlinkSync(join(project, 'node_modules'), join(copy, 'node_modules'))
  // What builds the package says so on standard output, before npm does.
  const output = execFileSync('npm', ['pack', '--json', '--silent'], { cwd: copy, encoding: 'utf8' })
  const { filename } = packedOf(output.slice(output.indexOf('[\n')))

  const home = folder(t)
  const modules = join(home, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  const needed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: project, encoding: 'utf8' })
  for (const path of needed.trim().split('\n').slice(1)) {
    const place = join(modules, relative(join(project, 'node_modules'), path))
    // What lies inside another package came with it.
    if (place.slice(modules.length).includes('node_modules')) continue
    mkdirSync(dirname(place), { recursive: true })
    symlinkSync(path, place)
  }
  execFileSync('tar', ['xzf', join(copy, basename(filename)), '-C', home])
  cpSync(join(home, 'package'), join(modules, 'changewell'), { recursive: true })
  symlinkSync('../changewell/dist/app/main.js', join(modules, '.bin/changewell'))

  const empty = join(home, 'empty')
  mkdirSync(empty)
  const { child, says, ended } = start(t, ['serve'], { CHANGEWELL_PORT: '0', CHANGEWELL_PEER_PORT: '0' }, {
    program: [process.execPath, join(modules, '.bin/changewell')], cwd: empty,
  })
  const [address = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(await says(/try it/))!
  t.equal((await fetch(`${address}/readyz`)).status, 200)
  t.match(await (await fetch(`${address}/documentation`)).text(), /<title>/)
  t.same(readdirSync(empty), ['data'])
  child.kill('SIGTERM')
  t.equal((await ended).code, 0)

  const demo = start(t, ['--limit', '200', '--dist', join(modules, 'changewell/dist')], {}, {
    program: [process.execPath, '--import=tsx', join(project, 'bench/demo/index.ts')], cwd: project,
  })
  const told = await demo.ended
  t.equal(told.code, 0, told.stderr)
  t.match(told.stdout, /retry +a batch sent twice under one Idempotency-Key was written once\n/)
  t.match(told.stdout, /feed +\d+ changes in order over 2 connections .*: none missed, none twice\n/)
  t.match(told.stdout, /compared +\d+ keys in \d+ collections, [\d,]+ bytes of data: the copy is the same\n/)

  // A discovery provider that is installed beside it.
  const provider = join(modules, 'changewell-shared-folder')
  mkdirSync(provider)
  writeFileSync(join(provider, 'package.json'), '{"name":"changewell-shared-folder","type":"module","exports":"./index.js"}')
  writeFileSync(join(provider, 'index.js'), documentedProvider())
  const nodes = folder(t)
  const other = start(t, ['serve'], {
    CHANGEWELL_PORT: '0',
    CHANGEWELL_PEER_PORT: '0',
    CHANGEWELL_DISCOVERY: 'changewell-shared-folder',
    CHANGEWELL_DISCOVERY_OPTIONS: JSON.stringify({ folder: nodes }),
  }, { program: [process.execPath, join(modules, '.bin/changewell')], cwd: folder(t) })
  await other.says(/tells nodes to reach it/)
  await until(() => readdirSync(nodes).includes('cluster'), 'the cluster to be claimed')
  other.child.kill('SIGTERM')
  t.equal((await other.ended).code, 0)
  const contract = "import('changewell/discovery-contract').then((it) => process.stdout.write(typeof it.discoveryContract))"
  t.equal(execFileSync(process.execPath, ['-e', contract], { cwd: home, encoding: 'utf8' }), 'function')
})

test('whatever a page of the package links to is in the package', async (t) => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
  })
  const files = new Set(packedOf(output).files.map(({ path }) => path))
  const missing = (await readPages()).filter(({ path }) => files.has(path)).flatMap((page) => (
    linksOf(page).filter(({ target }) => !files.has(target) && !isFolderOf(files, target))
      .map(({ target }) => `${page.path}: ${target}`)))
  t.same(missing, [])
})

function isFolderOf (files: Set<string>, target: string): boolean {
  const folder = target.endsWith('/') ? target : `${target}/`
  return [...files].some((file) => file.startsWith(folder))
}
