/** Bars of the bytes that were uploaded each day, stacked by type; the same as a table below. */

import { FILE_TYPES, type UsageDay } from "../api/records";
import { fileSize, words } from "../format";

const HEIGHT = 180;
const WIDTH = 720;
const GAP = 0.2;
const ONE_DAY_MS = 24 * 3600 * 1000;

/** `first` and `last` are days in UTC, both in the picture. */
export function UploadsByDay(props: { days: readonly UsageDay[]; first: string; last: string }) {
  const { days, first, last } = props;
  const all = withoutGaps(days, first, last);
  const most = Math.max(...all.map((day) => day.bytes), 1);
  const step = WIDTH / all.length;
  const types = FILE_TYPES.filter((type) => days.some((day) => day.by_type[type]));
  return (
    <figure class="chart">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Bytes uploaded each day from ${first} to ${last}, at most ${fileSize(most)}`}
      >
        {all.map((day, index) => {
          let top = HEIGHT;
          return (
            <g key={day.day}>
              <title>{`${day.day}: ${day.files} files, ${fileSize(day.bytes)}`}</title>
              {types.map((type) => {
                const height = ((day.by_type[type]?.bytes ?? 0) / most) * HEIGHT;
                top -= height;
                return (
                  <rect
                    key={type}
                    class={type}
                    x={(index + GAP / 2) * step}
                    y={top}
                    width={Math.min(step * (1 - GAP), 48)}
                    height={height}
                  />
                );
              })}
            </g>
          );
        })}
      </svg>
      <p class="ends" aria-hidden="true">
        <span>{first}</span>
        <span>{last}</span>
      </p>
      <figcaption>
        {types.map((type) => (
          <span key={type}>
            <span class={`key ${type}`} aria-hidden="true" /> {words(type)}
          </span>
        ))}
        <span class="faint">Highest day: {fileSize(most)}</span>
      </figcaption>
      <details>
        <summary>As a table</summary>
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">Day</th>
              <th scope="col">Files</th>
              <th scope="col">Bytes</th>
            </tr>
          </thead>
          <tbody>
            {days.map((day) => (
              <tr key={day.day} data-day={day.day}>
                <th scope="row">{day.day}</th>
                <td data-name="Files">{day.files.toLocaleString()}</td>
                <td data-name="Bytes">{fileSize(day.bytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** Every day from the first to the last: those without an upload are none in the report. */
export function withoutGaps(days: readonly UsageDay[], first: string, last: string): UsageDay[] {
  const known = new Map(days.map((day) => [day.day, day]));
  const all: UsageDay[] = [];
  for (let day = first; day <= last; day = dayAfter(day, 1)) {
    all.push(known.get(day) ?? { day, files: 0, bytes: 0, by_type: {} });
  }
  return all;
}

/** So many days later, or earlier. */
export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * ONE_DAY_MS).toISOString().slice(0, 10);
}
