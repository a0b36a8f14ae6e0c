/** How much there is, for admins: by day, by type and status, by user. */

import { useEffect, useState } from "preact/hooks";
import { FILE_TYPES, type FileType, type Usage } from "../api/records";
import { go, useSigned } from "../app";
import { fileSize, wholeTime, words } from "../format";
import { DayRange } from "../parts/day-range";
import { Empty, Failed, Loading } from "../parts/states";
import { dayAfter, UploadsByDay } from "../parts/uploads-by-day";
import type { Place } from "../places";

const DAYS = 30;
type UsagePlace = Extract<Place, { view: "usage" }>;

/** A report and the days that were asked for. */
interface Answer {
  report: Usage;
  from: string;
  to: string;
}

export function UsageView({ place }: { place: UsagePlace }) {
  const { client } = useSigned();
  const { from, to } = place;
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    setError(null);
    client
      .usage({ from, to }, leaving.signal)
      .then((report) => setAnswer({ report, from, to }))
      .catch((thrown) => {
        if (!leaving.signal.aborted) setError(thrown);
      });
    return () => leaving.abort();
  }, [client, from, to, tries]);

  // The fields stay whatever comes back: who asked for too many days must be able to ask for fewer.
  const answered = answer?.from === from && answer.to === to;
  return (
    <section class="usage" aria-labelledby="title">
      <h1 id="title">Usage</h1>
      {answer && <Totals report={answer.report} />}
      <h2>Uploads by day</h2>
      <DayRange from={from} to={to} onChange={(days) => go({ ...place, ...days })} />
      {error !== null && <Failed error={error} onRetry={() => setTries(tries + 1)} />}
      {error === null && !answered && <Loading what="usage" />}
      {error === null && answer && answered && <Days {...answer} />}
      {answer && <Kinds kinds={answer.report.kinds} />}
      {answer && <Holders users={answer.report.users} />}
    </section>
  );
}

function Totals({ report: { as_of, stored, kinds } }: { report: Usage }) {
  const pending = kinds.filter((kind) => kind.status === "pending");
  return (
    <>
      <p class="faint">{as_of ? `As of ${wholeTime(as_of)}` : "Nothing was uploaded yet."}</p>
      <dl class="tiles">
        <Tile name="Files stored" value={stored.files.toLocaleString()} />
        <Tile name="Stored" value={fileSize(stored.bytes)} />
        <Tile
          name="Uploads under way"
          value={pending.reduce((sum, kind) => sum + kind.files, 0).toLocaleString()}
        />
      </dl>
    </>
  );
}

function Days({ report, from, to }: Answer) {
  if (report.days.length > 0) {
    // What the API shows where nothing is asked for.
    const last = to || new Date().toISOString().slice(0, 10);
    const first = from || dayAfter(last, 1 - DAYS);
    return <UploadsByDay days={report.days} first={first} last={last} />;
  }
  return (
    <Empty icon="upload" title="No uploads">
      Nothing was uploaded on these days.
    </Empty>
  );
}

function Tile({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Kinds({ kinds }: { kinds: Usage["kinds"] }) {
  if (kinds.length === 0) return null;
  const statuses = [...new Set(kinds.map((kind) => kind.status))].sort();
  const found = (type: FileType, status: string) =>
    kinds.find((kind) => kind.file_type === type && kind.status === status);
  const types = FILE_TYPES.filter((type) => kinds.some((kind) => kind.file_type === type));
  return (
    <>
      <h2>Files by type and status</h2>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">Type</th>
            {statuses.map((status) => (
              <th key={status} scope="col">
                {words(status)}
              </th>
            ))}
            <th scope="col">Bytes</th>
          </tr>
        </thead>
        <tbody>
          {types.map((type) => (
            <tr key={type} data-type={type}>
              <th scope="row">
                <span class={`key ${type}`} aria-hidden="true" /> {words(type)}
              </th>
              {statuses.map((status) => (
                <td key={status} data-name={words(status)}>
                  {(found(type, status)?.files ?? 0).toLocaleString()}
                </td>
              ))}
              <td data-name="Bytes">
                {fileSize(
                  kinds
                    .filter((kind) => kind.file_type === type)
                    .reduce((sum, kind) => sum + kind.bytes, 0),
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Holders({ users }: { users: Usage["users"] }) {
  if (users.length === 0) return null;
  const most = Math.max(...users.map((user) => user.bytes));
  return (
    <>
      <h2>Who stores most</h2>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">User</th>
            <th scope="col">Files</th>
            <th scope="col">Bytes</th>
            <th scope="col" class="bars">
              <span class="unseen">Share of the largest</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => (
            <tr key={user.user_id} data-user={user.user_id}>
              <th scope="row">{user.user_id}</th>
              <td data-name="Files">{user.files.toLocaleString()}</td>
              <td data-name="Bytes">{fileSize(user.bytes)}</td>
              <td class="bars">
                <meter min={0} max={most} value={user.bytes} aria-label={fileSize(user.bytes)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
