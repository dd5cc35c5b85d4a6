import { spawn, type ChildProcess } from 'node:child_process'
import { chown, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SystemUser } from './program.ts'

/**
 * Ends the servers of a folder and removes it when the process that made it is gone, however it went: the end of this
 * script's standard input is the only sign of that which also a SIGKILL gives. A pid file is believed only while that
 * process works inside the folder, because pids are given out again.
 *
 * $1 folder, $2 signal that ends a server. A server that was stopped has to be continued to receive it.
 */
const keeper = `
read -r word
[ "$word" = done ] && exit 0
sleep 0.1
ours() { case "$(readlink "/proc/$1/cwd" 2>/dev/null || echo "$2")" in "$2"*) kill -0 "$1" 2>/dev/null ;; *) false ;; esac; }
for file in "$1"/*/pid; do
  [ -f "$file" ] || continue
  pid=$(cat "$file")
  ours "$pid" "$1" || continue
  kill "-$2" "$pid"
  kill -CONT "$pid"
  turn=0
  while ours "$pid" "$1" && [ "$turn" -lt 60 ]; do sleep 0.1; turn=$((turn + 1)); done
  ours "$pid" "$1" && kill -KILL "$pid"
done
rm -rf "$1"
`

export interface ServerFolderOptions {
  /** Becomes part of the name. */
  readonly kind: string
  /** Ends a server of this folder at once and in order. Default: `KILL`. */
  readonly signal?: 'KILL' | 'QUIT'
  readonly owner?: SystemUser | undefined
}

/**
 * A throw-away folder for the files of servers. When this process ends in any way without having removed it, its
 * servers are ended and it is removed.
 */
export class ServerFolder {
  readonly path: string
  readonly #owner: SystemUser | undefined
  readonly #keeper: ChildProcess

  private constructor(path: string, { signal = 'KILL', owner }: ServerFolderOptions) {
    this.path = path
    this.#owner = owner
    this.#keeper = spawn('/bin/sh', ['-c', keeper, 'tierwise-servers', path, signal], {
      // Signals for this process and its group are not for the one that has to clean up after it.
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#keeper.unref()
    // The handle of a pipe keeps the process alive as a socket does, but it is typed as a plain stream.
    ;(this.#keeper.stdin as unknown as { unref(): void }).unref()
    this.#keeper.stdin?.on('error', () => {})
  }

  static async create(options: ServerFolderOptions): Promise<ServerFolder> {
    const path = await mkdtemp(join(await realpath(tmpdir()), `tierwise-${options.kind}-`))
    const folder = new ServerFolder(path, options)
    await folder.#handOver(path)
    return folder
  }

  /** A folder for one server, made when it is asked for. */
  async makeFolder(name: string): Promise<string> {
    const path = join(this.path, name)
    await mkdir(path, { mode: 0o700 })
    await this.#handOver(path)
    return path
  }

  /** The servers have to be stopped before. */
  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
    this.#keeper.stdin?.end('done\n')
  }

  async #handOver(path: string): Promise<void> {
    if (this.#owner) await chown(path, this.#owner.uid, this.#owner.gid)
  }
}
