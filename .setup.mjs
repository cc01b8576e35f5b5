// Brings a clone to the point where it can run: installs the packages if the lock file says so, compiles if a source is
// newer than the last build. Plain JavaScript, because it runs before there is a compiler. `npm start` and `npm test`
// begin with it; when there is nothing to do it costs a few milliseconds.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const stamp = join(root, 'dist', '.built')
const commandLink = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'lograft.cmd' : 'lograft')
const installed = join(root, 'node_modules', '.package-lock.json')

function run(what, command, args) {
  process.stderr.write(`${what} ...\n`)
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (done.error) process.stderr.write(`${command}: ${done.error.message}\n`)
  if (done.status !== 0) process.exit(done.status ?? 1)
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0
}

/** A digest of what the build reads: names, sizes and times of every source. */
function sources() {
  const seen = []
  const walk = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (path.endsWith('.ts')) {
        const { size, mtimeMs } = statSync(join(root, path))
        seen.push(`${path} ${size} ${mtimeMs}`)
      }
    }
  }
  for (const folder of ['src', 'test', 'bench', 'jepsen']) if (existsSync(join(root, folder))) walk(folder)
  for (const file of ['tsconfig.json', 'package-lock.json']) seen.push(`${file} ${modified(join(root, file))}`)
  return seen.sort().join('\n')
}

/** npm links the commands of packages that it installs, but not the one of the package that it stands in: `npx lograft` looks here. */
function linkCommand() {
  const main = join(root, 'dist', 'src', 'main.js')
  if (process.platform === 'win32') return writeFileSync(commandLink, `@node "${main}" %*\r\n`)
  rmSync(commandLink, { force: true })
  chmodSync(main, 0o755)
  symlinkSync(relative(dirname(commandLink), main), commandLink)
}

if (modified(installed) < modified(join(root, 'package-lock.json'))) {
  run('installing packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
}

const wanted = sources()
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  // Output of a source that is gone would still be run by the tests.
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  run('compiling', process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root])
  linkCommand()
  writeFileSync(stamp, wanted)
} else if (!existsSync(commandLink)) linkCommand()
