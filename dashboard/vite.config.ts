import { defineConfig } from "vite";

// Relative addresses: the page works at `/` of any host, and below a folder.
export default defineConfig({
  base: "./",
  build: { target: "es2022", sourcemap: false, assetsInlineLimit: 0 },
});
