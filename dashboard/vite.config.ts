import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

// What is served is built for the API function, and committed: `make run` needs no Node.js.
const SERVED = "../functions/api/dashboard/static";
const COMPRESSED = /\.(js|css|svg)$/;

/** Write each asset a second time, compressed by Brotli at its highest quality. */
function brotli(): Plugin {
  return {
    name: "brotli",
    apply: "build",
    writeBundle({ dir = "" }, bundle) {
      for (const name of Object.keys(bundle).filter((each) => COMPRESSED.test(each))) {
        const content = readFileSync(join(dir, name));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
        writeFileSync(join(dir, `${name}.br`), brotliCompressSync(content, { params }));
      }
    },
  };
}

/** Name the chunk of a page after its folder: the page of `src/pages/jobs` is `jobs`. */
function chunkName({ facadeModuleId, name }: { facadeModuleId: string | null; name: string }): string {
  const [, folder, file] = /src\/pages\/([a-z-]+)\/([a-z-]+)\.tsx$/.exec(facadeModuleId ?? "") ?? [];
  return `assets/${folder ? (file === "page" ? folder : `${folder}-${file}`) : name}-[hash].js`;
}

export default defineConfig({
  // Relative: the API may be served below a stage or a path of its own.
  base: "./",
  plugins: [brotli()],
  build: {
    outDir: SERVED,
    emptyOutDir: true,
    target: "es2022",
    // One style sheet, so that no page is shown without its styles.
    cssCodeSplit: false,
    // An inlined icon would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: chunkName,
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
});
