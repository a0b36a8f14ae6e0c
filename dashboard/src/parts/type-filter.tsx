import { FILE_TYPES, type FileType } from "../api/records";
import { Icon } from "./icon";

const LABELS: Record<FileType, string> = {
  video: "Videos",
  image: "Images",
  audio: "Audio",
  document: "Documents",
  other: "Other",
};

/** Which type to show; null is all of them. */
export function TypeFilter(props: {
  type: FileType | null;
  hrefOf: (type: FileType | null) => string;
}) {
  const { type, hrefOf } = props;
  return (
    <nav class="types" aria-label="Types">
      <a href={hrefOf(null)} aria-current={type === null ? "true" : undefined}>
        All
      </a>
      {FILE_TYPES.map((known) => (
        <a key={known} href={hrefOf(known)} aria-current={type === known ? "true" : undefined}>
          <Icon name={known} />
          {LABELS[known]}
        </a>
      ))}
    </nav>
  );
}
