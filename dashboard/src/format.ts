/** Numbers and times as people read them. */

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** `3.3 MB`; 1 KB is 1,024 bytes. */
export function fileSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit > 0 && value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** Short, for a card: the time for today, the day for this year. */
export function shortTime(instant: string, now = new Date()): string {
  const time = new Date(instant);
  if (time.toDateString() === now.toDateString()) return CLOCK.format(time);
  return (time.getFullYear() === now.getFullYear() ? DAY : DAY_OF_YEAR).format(time);
}

export function wholeTime(instant: string): string {
  return WHOLE.format(new Date(instant));
}

/** `1,920 × 1,080`. */
export function dimensions(width: number, height: number): string {
  return `${width} × ${height}`;
}

/** `2.7 Mbit/s` of kbit/s. */
export function bitRate(kilobits: number): string {
  return kilobits < 1000 ? `${kilobits} kbit/s` : `${(kilobits / 1000).toFixed(1)} Mbit/s`;
}

/** `file_uploaded` as `File uploaded`. */
export function words(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
