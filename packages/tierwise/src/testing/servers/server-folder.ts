import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SystemUser } from './program.ts'

/**
 * Ends the servers of a folder and removes it when the process that made it is gone, however it went: the end of this
 * script's standard input is the only sign of that which also a SIGKILL gives. A pid file is believed only while that
 * process works inside the folder, because pids are given out again; where that cannot be seen, while the process
 * exists. A server and its children that were stopped have to be continued to hear the signal.
 *
 * $1 folder, $2 signal that ends a server.
 */
const keeper = `
folder=$1
signal=$2
read -r word
[ "$word" = done ] && exit 0
sleep 0.1
ours() {
  if [ -d /proc/self ]; then
    case "$(readlink "/proc/$1/cwd" 2>/dev/null)" in "$folder"*) true ;; *) false ;; esac
  else
    kill -0 "$1" 2>/dev/null
  fi
}
each() {
  for file in "$folder"/*/pid; do
    [ -f "$file" ] || continue
    read -r pid <"$file"
    ours "$pid" && "$@" "$pid"
  done
}
finish() {
  kill "-$signal" "$1"
  for pid in $(cat "/proc/$1/task/$1/children" 2>/dev/null) "$1"; do kill -CONT "$pid"; done
}
await() { turn=0; while ours "$1" && [ "$turn" -lt 60 ]; do sleep 0.1; turn=$((turn + 1)); done; }
each finish
each await
each kill -KILL
turn=0
while [ -e "$folder" ] && [ "$turn" -lt 50 ]; do
  rm -rf "$folder"
  sleep 0.1
  turn=$((turn + 1))
done
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
    const name = `tierwise-${options.kind}-${randomBytes(6).toString('hex')}`
    // The keeper is there before the folder, so that no moment exists in which nobody would remove it.
    const folder = new ServerFolder(join(await realpath(tmpdir()), name), options)
    await mkdir(folder.path, { mode: 0o700 })
    await folder.#handOver(folder.path)
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
