/**
 * Runs in a process of its own: imports the modules named on the command line and prints what it cost as JSON. With
 * `--files` it lists the files that were loaded instead, as the inspector saw them, CommonJS and ESM alike; the
 * inspector costs time, so the two are never measured together.
 */
const specifiers = process.argv.slice(2).filter((argument) => argument !== '--files')

if (process.argv.includes('--files')) {
  const { Session } = await import('node:inspector')
  const session = new Session()
  session.connect()
  /** @type {Set<string>} */
  const urls = new Set()
  session.on('Debugger.scriptParsed', ({ params }) => urls.add(params.url))
  session.post('Debugger.enable')
  // Scripts that were there before are this probe and Node's own.
  urls.clear()
  for (const specifier of specifiers) await import(specifier)
  session.disconnect()
  console.log(JSON.stringify([...urls].filter((url) => url.startsWith('file:') || url.startsWith('/'))))
} else {
  const started = performance.now()
  for (const specifier of specifiers) await import(specifier)
  console.log(JSON.stringify(performance.now() - started))
}
// A library that leaves a timer or a handle behind must not keep the probe alive.
process.exit(0)
