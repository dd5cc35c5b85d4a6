import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { root } from './command.mjs'
import { reportSetupFailure, setup } from './setup.mjs'

/** Makes the clone ready and runs the example service in a process of its own; arguments are the service's. */
async function main() {
  await setup()
  const service = join(root, 'examples/factor-service')
  const script = join(service, 'dist/start.js')
  const child = spawn(process.execPath, ['--enable-source-maps', script, ...process.argv.slice(2)], {
    cwd: service,
    stdio: 'inherit',
  })
  // A terminal sends Ctrl-C to both processes, a supervisor only to this one. The service stops in its own time and
  // this process ends with it, so both cases need the signal passed on and survived here.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal))
  child.on('error', reportSetupFailure)
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)))
}

await main().catch(reportSetupFailure)
