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

export function UsageView({ place }: { place: UsagePlace }) {
  const { client } = useSigned();
  const { from, to } = place;
  const [report, setReport] = useState<Usage | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const leaving = new AbortController();
    setError(null);
    client
      .usage({ from, to }, leaving.signal)
      .then(setReport)
      .catch((thrown) => {
        if (!leaving.signal.aborted) setError(thrown);
      });
    return () => leaving.abort();
  }, [client, from, to, tries]);

  return (
    <section class="usage" aria-labelledby="title">
      <h1 id="title">Usage</h1>
      {error !== null && <Failed error={error} onRetry={() => setTries(tries + 1)} />}
      {error === null && report === null && <Loading what="usage" />}
      {error === null && report && <Report report={report} place={place} />}
    </section>
  );
}

function Report({ report, place }: { report: Usage; place: UsagePlace }) {
  const { stored, kinds, days, users } = report;
  // What the API shows where nothing is asked for.
  const last = place.to || new Date().toISOString().slice(0, 10);
  const first = place.from || dayAfter(last, 1 - DAYS);
  const pending = kinds.filter((kind) => kind.status === "pending");
  return (
    <>
      <p class="faint">
        {report.as_of ? `As of ${wholeTime(report.as_of)}` : "Nothing was uploaded yet."}
      </p>
      <dl class="tiles">
        <Tile name="Files stored" value={stored.files.toLocaleString()} />
        <Tile name="Stored" value={fileSize(stored.bytes)} />
        <Tile
          name="Uploads under way"
          value={pending.reduce((sum, kind) => sum + kind.files, 0).toLocaleString()}
        />
      </dl>
      <h2>Uploads by day</h2>
      <DayRange from={place.from} to={place.to} onChange={(asked) => go({ ...place, ...asked })} />
      {days.length > 0 ? (
        <UploadsByDay days={days} first={first} last={last} />
      ) : (
        <Empty icon="upload" title="No uploads">
          Nothing was uploaded on these days.
        </Empty>
      )}
      {kinds.length > 0 && <Kinds report={report} />}
      {users.length > 0 && <Holders users={users} />}
    </>
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

function Kinds({ report: { kinds } }: { report: Usage }) {
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
