/** Line icons on a grid of 24; they only decorate, the text beside them says it. */

const PATHS = {
  video:
    "M4 6.5h10a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2zM16 10.5l6-3v9l-6-3",
  image: "M4 4h16v16H4zM4 16l5-5 5 5 2.5-2.5L20 17M15.5 9.5h.01",
  audio: "M9 18V5l11-2v13M9 18a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM20 16a3 3 0 1 1-6 0 3 3 0 0 1 6 0z",
  document: "M6 2.5h8l4.5 4.5v14.5H6zM14 2.5V7h4.5M9 12.5h6.5M9 16.5h6.5",
  other: "M6 2.5h8l4.5 4.5v14.5H6zM14 2.5V7h4.5",
  all: "M3.5 3.5h7v7h-7zM13.5 3.5h7v7h-7zM3.5 13.5h7v7h-7zM13.5 13.5h7v7h-7z",
  activity: "M2.5 12h4l3-8 5 16 3-8h4",
  usage: "M4 20V10h4v10M10 20V4h4v16M16 20v-7h4v7M2.5 20h19",
  chat: "M4 4.5h16a1 1 0 0 1 1 1v10.5a1 1 0 0 1-1 1h-7.5L7 21.5V17H4a1 1 0 0 1-1-1V5.5a1 1 0 0 1 1-1z",
  search: "M17 10.5a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0zM15.5 15.5l5 5",
  upload: "M12 16V4M7 9l5-5 5 5M4 16v4h16v-4",
  download: "M12 4v12M7 11l5 5 5-5M4 20h16",
  trash: "M4 6.5h16M9.5 6.5v-3h5v3M6 6.5l1 14h10l1-14M10 10.5v6M14 10.5v6",
  close: "M5 5l14 14M19 5L5 19",
  play: "M7 4.5v15l12.5-7.5z",
  alert: "M12 8.5v5M12 17h.01M12 3l9.5 17h-19z",
  reload: "M20 12a8 8 0 1 1-2.5-5.800M20 3v4.5h-4.5",
  leave: "M14 4H5v16h9M10 12h11M17.5 8.5L21 12l-3.5 3.5",
  next: "M5 12h14M13 6l6 6-6 6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
