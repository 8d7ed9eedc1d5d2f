import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  base: "./",
  build: { outDir: "build" },
  // In development the page and the graph have one origin, so that no CORS is needed.
  server: { proxy: { "/graphql": process.env.GRAPH ?? "http://127.0.0.1:8000" } },
});
