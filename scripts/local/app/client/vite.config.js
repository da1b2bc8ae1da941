import { defineConfig } from 'vite';

// The file layout of LibreChat's client (client/vite.config.ts): a relative base below <base href="/">,
// hashes between dots, fonts below assets/fonts without one.
export default defineConfig({
  base: '',
  build: {
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: 'assets/[name].[hash].js',
        chunkFileNames: 'assets/[name].[hash].js',
        assetFileNames: ({ names }) =>
          /\.woff2?$/.test(names[0] ?? '') ? 'assets/fonts/[name][extname]' : 'assets/[name].[hash][extname]',
      },
    },
  },
});
