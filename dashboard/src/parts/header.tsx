import { hashOf, type Place } from "../places";
import type { Session } from "../session";
import { Icon, type IconName } from "./icon";

interface Entry {
  place: Place;
  icon: IconName;
  label: string;
}

const ADMINS: Entry[] = [
  {
    place: { view: "everything", type: null, from: "", to: "", open: null },
    icon: "all",
    label: "Everything",
  },
  {
    place: { view: "activity", user: "", attachment: "", from: "", to: "", open: null },
    icon: "activity",
    label: "Activity",
  },
  { place: { view: "usage", from: "", to: "", open: null }, icon: "usage", label: "Usage" },
];
const EVERYBODY: Entry[] = [
  { place: { view: "home", open: null }, icon: "chat", label: "Conversations" },
];

/** Which entry of the navigation a view belongs to. */
const ENTRY_OF = { conversation: "home", message: "home" } as Record<string, string>;

export function Header(props: { place: Place; session: Session; onSignOut: () => void }) {
  const { place, session, onSignOut } = props;
  const current = ENTRY_OF[place.view] ?? place.view;
  const entries = session.admin ? [...ADMINS, ...EVERYBODY] : EVERYBODY;
  return (
    <header class="header">
      <a class="brand" href="#/">
        <img src="./icon.svg" alt="" width="28" height="28" />
        <span>OffChat Attachments</span>
      </a>
      <nav aria-label="Views">
        {entries.map((entry) => (
          <a
            key={entry.label}
            href={hashOf(entry.place)}
            aria-current={entry.place.view === current ? "page" : undefined}
          >
            <Icon name={entry.icon} />
            <span>{entry.label}</span>
          </a>
        ))}
      </nav>
      <div class="who">
        <span class="avatar" aria-hidden="true">
          {session.user.slice(0, 1).toUpperCase()}
        </span>
        <span class="name">
          {session.user}
          {session.admin && session.user !== "admin" && <small>admin</small>}
        </span>
        <button type="button" class="quiet" onClick={onSignOut}>
          <Icon name="leave" />
          <span class="label">Sign out</span>
        </button>
      </div>
    </header>
  );
}
