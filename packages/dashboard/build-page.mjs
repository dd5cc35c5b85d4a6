import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** Bundles the page to `dist/page`: three files of fixed names, which the handler reads once. */
export async function buildPage() {
  await build({
    configFile: false,
    root: `${folder}page`,
    base: './',
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: `${folder}dist/page`,
      emptyOutDir: true,
      target: 'es2022',
      cssCodeSplit: false,
      modulePreload: false,
      // Data addresses would need a hole in the content security policy.
      assetsInlineLimit: 0,
      rolldownOptions: { output: { entryFileNames: 'page.js', assetFileNames: 'page[extname]' } },
    },
  })
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildPage()
