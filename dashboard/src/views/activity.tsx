/** Who did what, for admins. */

import { useCallback, useId, useMemo, useState } from "preact/hooks";
import type { Action, Activity } from "../api/records";
import { go, useSigned } from "../app";
import { useFeed } from "../feed";
import { wholeTime, words } from "../format";
import { DayRange } from "../parts/day-range";
import { EndOfList } from "../parts/endless";
import { Icon, type IconName } from "../parts/icon";
import { Empty } from "../parts/states";
import { hashOf, type Place } from "../places";

type ActivityPlace = Extract<Place, { view: "activity" }>;

const ICONS: Record<Action, IconName> = {
  upload_requested: "upload",
  file_uploaded: "upload",
  file_downloaded: "download",
  file_forwarded: "next",
  file_deleted: "trash",
  file_rejected: "alert",
  file_failed: "alert",
  upload_expired: "alert",
};

export function ActivityView({ place }: { place: ActivityPlace }) {
  const { client } = useSigned();
  const { user, attachment, from, to } = place;
  const load = useCallback(
    (cursor: string | null, signal: AbortSignal) => {
      const time = { from: from && `${from}T00:00:00Z`, to: to && `${to}T23:59:59.999Z` };
      return client.activity({ user, attachment, ...time, cursor, limit: "50" }, signal);
    },
    [client, user, attachment, from, to],
  );
  const { feed, more } = useFeed<Activity>(load);
  return (
    <section class="activity" aria-labelledby="title">
      <h1 id="title">Activity</h1>
      <Filters key={`${user} ${attachment}`} place={place} />
      {feed.items.length > 0 && <Table place={place} entries={feed.items} />}
      {feed.state === "complete" && feed.items.length === 0 && (
        <Empty icon="activity" title="No activity">
          Nothing happened that fits these filters.
        </Empty>
      )}
      <EndOfList feed={feed} what="activity" more={more} />
    </section>
  );
}

function Filters({ place }: { place: ActivityPlace }) {
  const [user, setUser] = useState(place.user);
  const [attachment, setAttachment] = useState(place.attachment);
  const userField = useId();
  const attachmentField = useId();
  const none = useMemo(
    () => hashOf({ view: "activity", user: "", attachment: "", from: "", to: "", open: null }),
    [],
  );
  const submit = (event: Event) => {
    event.preventDefault();
    go({ ...place, user: user.trim(), attachment: attachment.trim() });
  };
  const filtered = place.user || place.attachment || place.from || place.to;
  return (
    <form class="filters" onSubmit={submit}>
      <div>
        <label for={userField}>User</label>
        <input
          id={userField}
          value={user}
          onInput={(event) => setUser(event.currentTarget.value)}
        />
      </div>
      <div class="grow">
        <label for={attachmentField}>Attachment</label>
        <input
          id={attachmentField}
          value={attachment}
          placeholder="Its id"
          onInput={(event) => setAttachment(event.currentTarget.value)}
        />
      </div>
      <DayRange from={place.from} to={place.to} onChange={(days) => go({ ...place, ...days })} />
      <button type="submit" class="button">
        <Icon name="search" /> Show
      </button>
      {filtered && (
        <a class="button plain" href={none}>
          Clear
        </a>
      )}
    </form>
  );
}

function Table({ place, entries }: { place: ActivityPlace; entries: readonly Activity[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">Who</th>
          <th scope="col">Attachment</th>
          <th scope="col">When</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.id} data-action={entry.action}>
            <td>
              <div class="what">
                <span class={`act ${entry.action}`}>
                  <Icon name={ICONS[entry.action] ?? "activity"} />
                </span>
                <span>
                  <strong>{words(entry.action)}</strong>
                  {entry.admin_override && <span class="badge">as admin</span>}
                  <small class="faint">{entry.description}</small>
                </span>
              </div>
            </td>
            <td data-label="Who">
              <a href={hashOf({ ...place, user: entry.user_id })}>{entry.user_id}</a>
            </td>
            <td data-label="Attachment">
              <a class="id" href={hashOf({ ...place, open: entry.attachment_id })}>
                {entry.attachment_id}
              </a>
            </td>
            <td data-label="When">
              <time dateTime={entry.at}>{wholeTime(entry.at)}</time>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
