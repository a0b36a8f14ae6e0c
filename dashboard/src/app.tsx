/** The frame of every view: who is signed in, where they are, and what lies open above it. */

import { createContext } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import { Client } from "./api/client";
import type { Config, Demo } from "./config";
import { Newsroom } from "./news";
import { Header } from "./parts/header";
import { hashOf, type Place, placeOf } from "./places";
import { currentSession, endSession, keepSession, type Session } from "./session";
import { Uploads } from "./uploads/uploads";
import { ActivityView } from "./views/activity";
import { Details } from "./views/details";
import { ConversationView, EverythingView, MessageView } from "./views/galleries";
import { Home } from "./views/home";
import { SignIn } from "./views/sign-in";
import { UsageView } from "./views/usage";

export interface Signed {
  client: Client;
  session: Session;
  newsroom: Newsroom;
  uploads: Uploads;
  demo: Demo | null;
}

const SignedIn = createContext<Signed | null>(null);

/** What the views of somebody who is signed in work with. */
export function useSigned(): Signed {
  const signed = useContext(SignedIn);
  if (!signed) throw new Error("Nobody is signed in.");
  return signed;
}

/** The place, which follows the address. */
export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const follow = () => setPlace(placeOf(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return place;
}

export function go(place: Place): void {
  location.hash = hashOf(place);
}

export function App({ config, demo }: { config: Config; demo: Demo | null }) {
  const [session, setSession] = useState(() => currentSession());
  const [ended, setEnded] = useState(false);

  const signIn = (begun: Session) => {
    keepSession(begun);
    setEnded(false);
    setSession(begun);
  };
  const signOut = (because: "asked" | "ended") => {
    endSession();
    setEnded(because === "ended");
    setSession(null);
  };
  if (!session) return <SignIn config={config} demo={demo} ended={ended} onSignedIn={signIn} />;
  return (
    <Workspace
      key={session.token}
      session={session}
      api={config.api}
      demo={demo}
      onSignedOut={signOut}
    />
  );
}

function Workspace(props: {
  session: Session;
  api: string;
  demo: Demo | null;
  onSignedOut: (because: "asked" | "ended") => void;
}) {
  const { session, api, demo, onSignedOut } = props;
  const place = usePlace();
  const signed = useMemo(() => {
    const client = new Client(api, session.token, () => onSignedOut("ended"));
    const newsroom = new Newsroom();
    return { client, session, newsroom, uploads: new Uploads(client, newsroom), demo };
  }, [session, api, demo]);
  useEffect(() => () => signed.uploads.close(), [signed]);
  useEffect(() => {
    if (location.hash.length <= 2) location.replace(hashOf(startOf(session, demo)));
  }, [place]);

  return (
    <SignedIn.Provider value={signed}>
      {/* biome-ignore lint/a11y/useValidAnchor: it is a link, but the part behind # is a place */}
      <a class="skip" href="#content" onClick={focusContent}>
        Skip to the content
      </a>
      <Header place={place} session={session} onSignOut={() => onSignedOut("asked")} />
      <main id="content" tabIndex={-1}>
        <View place={place} />
      </main>
      {place.open && <Details key={place.open} id={place.open} place={place} />}
    </SignedIn.Provider>
  );
}

function View({ place }: { place: Place }) {
  switch (place.view) {
    case "home":
      return <Home />;
    case "conversation":
      return <ConversationView place={place} />;
    case "message":
      return <MessageView place={place} />;
    case "everything":
      return <EverythingView place={place} />;
    case "activity":
      return <ActivityView place={place} />;
    case "usage":
      return <UsageView place={place} />;
  }
}

/** Where somebody begins who asked for nothing in particular. */
function startOf(session: Session, demo: Demo | null): Place {
  if (session.admin) return { view: "everything", type: null, from: "", to: "", open: null };
  if (demo) return { view: "conversation", id: demo.conversation_id, type: null, open: null };
  return { view: "home", open: null };
}

function focusContent(event: Event): void {
  event.preventDefault(); // the part behind # says where one is
  document.getElementById("content")?.focus();
}
