import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// GraphiQL's stylesheet carries its fonts inside, four fifths of its size: the system's fonts do.
const systemFonts = {
  name: "system-fonts",
  enforce: "pre",
  transform: (code, id) => (id.endsWith(".css") ? code.replace(/@font-face\s*\{[^}]*\}/g, "") : null),
};

// What others' code gets wrong, by the file and the text in it. A newer package that has it otherwise fails the build.
const MENDED = {
  // A required field with the default false is marked as missing (graphiql #3571).
  "codemirror-graphql/esm/variables/lint.js": ["!field.defaultValue", "field.defaultValue === undefined"],
};
const mended = {
  name: "mended",
  enforce: "pre",
  transform(code, id) {
    const found = Object.keys(MENDED).find((file) => id.split("?")[0].endsWith(file));
    if (!found) return null;
    const [wrong, right] = MENDED[found];
    if (code.split(wrong).length !== 2) this.error(`${found} doesn't have ${wrong} once`);
    return code.replace(wrong, right);
  },
};

// The page is served at /graphql, its files at /explorer/NAME-HASH (app/http/explorer.py).
export default defineConfig({
  plugins: [react(), systemFonts, mended],
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
