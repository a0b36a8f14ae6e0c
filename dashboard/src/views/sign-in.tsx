import { useEffect, useId, useState } from "preact/hooks";
import { Client } from "../api/client";
import { Problem, sentenceOf } from "../api/problem";
import { apiAddress, type Config, chooseApi, type Demo } from "../config";
import { Icon } from "../parts/icon";
import { claimsOf, type Session } from "../session";

const DEMO_USERS: Record<string, string> = {
  sender: "sent the demo's message and may attach files to it",
  participant: "is in the same conversation",
  stranger: "is in no conversation",
  admin: "sees everything, and the activity log",
};

export function SignIn(props: {
  config: Config;
  demo: Demo | null;
  ended: boolean;
  onSignedIn: (session: Session) => void;
}) {
  const { config, demo } = props;
  const [token, setToken] = useState("");
  const [api, setApi] = useState(config.api);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const field = useId();
  const refusal = useRefusedAddress();

  const signIn = async (chosen: string) => {
    const address = apiAddress(api);
    setError(null);
    if (address === null) return setError("The server's address is not a web address.");
    setBusy(true);
    try {
      const session = await begun(chosen.trim(), address);
      if (address !== config.api) chooseApi(address);
      config.api = address;
      props.onSignedIn(session);
    } catch (thrown) {
      setError(reasonOf(thrown));
      setBusy(false);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    signIn(token);
  };
  return (
    <main class="sign-in">
      <div class="box">
        <img src="./icon.svg" alt="" width="52" height="52" />
        <h1>OffChat Attachments</h1>
        {props.ended && <p class="notice">Your session has ended. Sign in again to go on.</p>}
        {demo && <DemoUsers demo={demo} disabled={busy} onPick={signIn} />}
        <form onSubmit={submit}>
          <label for={field}>{demo ? "Or your own token" : "Token of the chat"}</label>
          <input
            id={field}
            class="wide"
            type="password"
            autoComplete="off"
            required
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
          <details class="server">
            <summary>Server</summary>
            <Server address={api} onChange={setApi} />
          </details>
          {(error || refusal) && (
            <p class="notice error" role="alert">
              {refusal ?? error}
            </p>
          )}
          <button type="submit" class="button primary wide" disabled={busy}>
            {busy ? "Signing in…" : "Sign in"}
          </button>
        </form>
        <p class="faint">The token stays in this browser tab and goes to the API alone.</p>
      </div>
    </main>
  );
}

function Server({ address, onChange }: { address: string; onChange: (address: string) => void }) {
  const field = useId();
  return (
    <>
      <label for={field}>Address of the API</label>
      <input
        id={field}
        class="wide"
        type="text"
        inputMode="url"
        value={address}
        placeholder={location.origin}
        spellcheck={false}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </>
  );
}

function DemoUsers(props: { demo: Demo; disabled: boolean; onPick: (token: string) => void }) {
  const users = Object.entries(props.demo.tokens).filter(([user]) => user in DEMO_USERS);
  return (
    <fieldset class="demo">
      <legend>Users of the demo</legend>
      {users.map(([user, token]) => (
        <button
          key={user}
          type="button"
          class="user"
          disabled={props.disabled}
          onClick={() => props.onPick(token)}
        >
          <span class="avatar" aria-hidden="true">
            {user.slice(0, 1).toUpperCase()}
          </span>
          <span>
            <strong>{user}</strong>
            <small>{DEMO_USERS[user]}</small>
          </span>
          <Icon name="next" />
        </button>
      ))}
    </fieldset>
  );
}

/** A session by a token that the API has accepted. Throws its refusal. */
async function begun(token: string, api: string): Promise<Session> {
  const claims = claimsOf(token);
  if (!claims) throw new Error("This is not a token: a JWT has three parts with dots between.");
  const role = await new Client(api, token).role();
  if (role === "service") {
    throw new Error("This is the chat backend's token; the dashboard is for people.");
  }
  return { token, user: claims.sub ?? "you", admin: role === "admin" };
}

function reasonOf(error: unknown): string {
  const isRefused = error instanceof Problem && error.status === 401;
  return isRefused ? `The server does not accept this token. ${error.detail}` : sentenceOf(error);
}

/** A sentence when the page's Content-Security-Policy keeps it from an address. */
function useRefusedAddress(): string | null {
  const [refused, setRefused] = useState<string | null>(null);
  useEffect(() => {
    const hear = (event: SecurityPolicyViolationEvent) => {
      if (event.effectiveDirective !== "connect-src") return;
      setRefused(
        `This page may not speak to ${event.blockedURI}: its host must name that address in the page's Content-Security-Policy.`,
      );
    };
    addEventListener("securitypolicyviolation", hear);
    return () => removeEventListener("securitypolicyviolation", hear);
  }, []);
  return refused;
}
