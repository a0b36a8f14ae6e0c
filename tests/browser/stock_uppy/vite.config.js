// One script of Uppy's packages as the dashboard locks them, without any of the dashboard's code.
import { fileURLToPath } from 'node:url'

const dashboard = fileURLToPath(new URL('../../../dashboard/index.html', import.meta.url))
const page = fileURLToPath(new URL('page.js', import.meta.url))

export default {
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [
    {
      name: 'packages-of-the-dashboard',
      enforce: 'pre',
      resolveId(source, importer) {
        if (importer === page) return this.resolve(source, dashboard, { skipSelf: true })
      },
    },
  ],
  build: { lib: { entry: page, formats: ['iife'], name: 'stock', fileName: () => 'page.js' } },
}
