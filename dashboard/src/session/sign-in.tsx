/** Where one signs in: by the issuer, or with a token. */
import { useEffect, useState } from "preact/hooks";
import iconUrl from "../icon.svg";
import { ROOT } from "../routing/root.js";
import { go } from "../routing/router.js";
import { Input } from "../ui/field.js";
import { Loading, Notice } from "../ui/states.js";
import { claimsOf } from "./claims.js";
import { begin, ended } from "./session.js";
import { arriveFromIssuer, exchangeCode, isBack, leaveForIssuer, readConfig, takeCode, type Config } from "./sign-in-flows.js";

/** Taken once, as the page is loaded: the address no longer has it. */
const code = takeCode();
let isCodeUsed = false;

export function SignIn() {
  const [config, setConfig] = useState<Config | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(true);

  useEffect(() => {
    void arrive();
  }, []);

  async function arrive(): Promise<void> {
    try {
      if (code && !isCodeUsed) {
        isCodeUsed = true;
        begin(await exchangeCode(code));
        return;
      }
      const read = await readConfig();
      setConfig(read);
      if (isBack() && read.signIn) {
        const { token, returnTo } = await arriveFromIssuer(read.signIn);
        begin(token);
        go(returnTo, { replace: true });
      }
    } catch (thrown) {
      setProblem(thrown instanceof Error ? thrown.message : String(thrown));
      setConfig((known) => known ?? { signIn: null });
    } finally {
      setBusy(false);
    }
  }

  async function leave(): Promise<void> {
    if (!config?.signIn) return;
    setBusy(true);
    try {
      await leaveForIssuer(config.signIn);
    } catch (thrown) {
      setProblem(thrown instanceof Error ? thrown.message : String(thrown));
      setBusy(false);
    }
  }

  return (
    <main class="sign-in">
      <div class="card stack">
        <h1 class="brand">
          <img src={iconUrl} alt="" width={28} height={28} />
          whendue
        </h1>
        {ended.value ? <Notice tone="warn">{ended.value}</Notice> : null}
        {problem ? <Notice tone="bad">{problem}</Notice> : null}
        {busy ? <Loading lines={2} /> : null}
        {!busy && config?.signIn ? (
          <button type="button" class="button button-primary" onClick={() => void leave()}>
            Sign in at {new URL(config.signIn.issuer).host}
          </button>
        ) : null}
        {busy ? null : <TokenForm />}
        <a class="small" href={new URL("docs", ROOT).href}>
          API documentation
        </a>
      </div>
    </main>
  );
}

function TokenForm() {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<string | null>(null);

  function submit(event: Event): void {
    event.preventDefault();
    const text = token.trim().replace(/^Bearer\s+/i, "");
    if (claimsOf(text).tenant === null) setProblem("This is no token of a tenant.");
    else begin(text);
  }

  return (
    <form class="stack" onSubmit={submit}>
      <Input label="Token" type="password" value={token} change={setToken} problem={problem} required hint="It stays in this tab. For a stack on this machine: make token" />
      <button type="submit" class="button">
        Sign in with the token
      </button>
    </form>
  );
}
