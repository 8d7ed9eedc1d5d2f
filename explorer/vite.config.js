import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// GraphiQL's stylesheet carries its fonts inside, four fifths of its size: the system's fonts do.
const systemFonts = {
  name: "system-fonts",
  enforce: "pre",
  transform: (code, id) => (id.endsWith(".css") ? code.replace(/@font-face\s*\{[^}]*\}/g, "") : null),
};

// The page is served at /graphql, its files at /explorer/NAME-HASH (app/http/explorer.py).
export default defineConfig({
  plugins: [react(), systemFonts],
  base: "/explorer/",
  build: {
    outDir: "../app/static/explorer",
    emptyOutDir: true,
    assetsDir: "",
    modulePreload: { polyfill: false },
    // GraphiQL asks for all its parts at once anyway: one file instead of thirty.
    rollupOptions: { output: { inlineDynamicImports: true } },
    chunkSizeWarningLimit: 1500,
  },
});
