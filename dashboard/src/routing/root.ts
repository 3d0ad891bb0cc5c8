/** Where the API is: scripts are served from `assets/` below its root, whatever stage or path that has. */
export const ROOT = new URL(/* @vite-ignore */ "..", import.meta.url);
