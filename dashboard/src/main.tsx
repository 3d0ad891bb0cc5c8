/** The dashboard's entry: sign in, then the shell. */
import { effect } from "@preact/signals";
import { render } from "preact";
import "./styles/index.css";
import { listenToKeys } from "./shell/keys.js";
import { listenToPalette } from "./shell/palette.js";
import { Shell } from "./shell/shell.js";
import { claims, end, token } from "./session/session.js";
import { SignIn } from "./session/sign-in.js";

function App() {
  return token.value ? <Shell /> : <SignIn />;
}

// A token that is too old is known to be refused.
let expiry: ReturnType<typeof setTimeout> | undefined;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
effect(() => {
  clearTimeout(expiry);
  const { expiresAt } = claims.value;
  if (!token.value || expiresAt === null) return;
  const leftMs = Math.max(expiresAt - Date.now(), 0);
  expiry = setTimeout(() => end("Your session has ended. Sign in again."), Math.min(leftMs, LONGEST_TIMER_MS));
});

listenToKeys();
listenToPalette();
const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(<App />, root);
}
